### What pages and mails say, in English. Every other language has these keys, with the same
### arguments; what a file of an office leaves out is said in the words of the built-in one.

-status = read

## Parts of sentences

label = { $text }:
label-text = { $label }: { $text }
digest-name = { $digest }
choice-immediate = At once, a mail for each
choice-digest = In the { digest-name } digest

## Dates

date-month = { $month ->
    [1] January
    [2] February
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] August
    [9] September
    [10] October
    [11] November
   *[12] December
}
# 1 is Monday.
date-weekday = { $weekday ->
    [1] Monday
    [2] Tuesday
    [3] Wednesday
    [4] Thursday
    [5] Friday
    [6] Saturday
   *[7] Sunday
}
date-day = { $day } { date-month } { $year }
date-long = { date-weekday } { date-day }
date-moment = { $date }, { $time } ({ $offset })
date-hours = { $date }, { $from }–{ $to } ({ $offset })
date-range = { $first } – { $last }
date-moments = { $first }, { $from } – { $last }, { $to } ({ $offset })

## Entries, in mails and pages

entry-release = Press release
entry-event = Event
entry-announced = announced { $day }
entry-withdrawn = Withdrawn
entry-correction = Correction
entry-corrected = Corrected
entry-updated = Updated
entry-cancelled = Cancelled
entry-postponed = Postponed
entry-when = When
entry-where = Where
entry-online = Online
entry-book = Book
entry-add = Add it
entry-calendar = Calendar
entry-status = Status
entry-take-part = Take part online
entry-register = Register for this event
entry-add-calendar = Add to your calendar
entry-add-elsewhere = , or in { $google } or { $outlook }
entry-instead = Read what stands in its place
entry-instead-short = Read instead
entry-read-release = Read the full release
entry-read-event = Read more about this event
entry-read-withdrawn = Read the notice of withdrawal

## What changed about an event, where its author does not say

change-and = { $one } { $other }
change-time = New time: { $when }. Before: { $before }.
change-time-is = The time is { $when }.
change-time-open = The time is open. Before: { $before }.
change-place = New place: { $place }. Before: { $before }.
change-place-is = The place is { $place }.
change-place-open = The place is open. Before: { $before }.
change-cancelled = The event is cancelled.
change-postponed = The event is postponed.
change-confirmed = The event takes place after all.

## Mails with news

mail-subject = { $others ->
    [0] { $title } – { $site }
   *[other] { $title } and { $others } more – { $site }
}
mail-also = Also: { $titles }
mail-heading-digest = { digest-name } digest
mail-heading-urgent = Urgent news
mail-heading-correction = Correction
mail-heading-reminder = Coming up
mail-total = { $count ->
    [one] { $count } item
   *[other] { $count } items
}
mail-more = And { $count } more in the web copy
mail-reason-digest = You get this e-mail because you asked for the { digest-name } digest of { $site }.
mail-reason-urgent = You get this e-mail at once because it is urgent and you follow a feed of { $site }.
mail-reason-correction = You get this e-mail because an earlier one from { $site } brought you the text that is corrected here.
mail-reason-reminder = You get this e-mail because you follow the events of { $site } and one of them is near.
mail-leave = You can leave at any time.
mail-stop-digest = Unsubscribe from the { digest-name } digest
mail-stop-feeds = Unsubscribe from the feeds that brought this e-mail
mail-manage = Change what you get
mail-web = Read this issue on the web
mail-web-short = This issue on the web
mail-visit = Visit { $site }
mail-sent-by = Sent by { $sender }
mail-sender-for = { $name }, for { $site }
mail-purpose = Your e-mail address is used { $purpose }.
mail-contact = Contact
mail-data = Questions about your personal data
mail-copy = Web copy of an e-mail sent by { $sender }.

## Every page

page-skip = Skip to the content
page-foot = This page sets no cookies and loads nothing from elsewhere.
page-language = Language of this page
page-home = Go to the start page of { $site }

## Pages that say what is wrong

error-not-found-title = There is no such page
error-not-found = The address may be misspelt, or what it named may be gone.
error-closed-title = This feed is closed
error-closed = It will not come back. Please remove it from your reader.
error-failed-title = Something went wrong on our side
error-failed = Please try again in a few minutes.
error-busy-title = Too many requests at once
error-busy = Please wait a few minutes, and try again.
error-waiting-title = We are still busy with what you did before
error-waiting = Nothing is lost, and nothing was changed now. Please try again in a minute.
error-method-title = This page cannot be used in this way
error-method = Open its address in a browser, and use the form there.
error-link-title = This link does not work
error-link = It may have been cut short on its way. Open the newest e-mail, and follow the link at its end or copy the whole address from there.
error-former-title = This link came to an address that was changed
error-former = Its reader gets our news at another address now. Open a newer e-mail there, and follow the link at its end. The link to unsubscribe works in every e-mail, also in older ones.
error-form-title = This was not sent by our form
error-form = Open the link in your e-mail again, and use the form there.
error-slow-title = This took too long
error-slow = We could not finish in time. Please try again in a minute.
error-large-title = This is too much for our form
error-large = Nothing was changed. Shorten what you wrote, and send it again.
error-request-title = We could not read this request
error-request = Nothing was changed. Open the page again, and use the form there.

## What you get (manage)

manage-title = What you get
manage-wording = Choose what you get, and how often. Nothing changes until you press Save.
manage-for = For { $address }.
manage-saved = Saved. This is what you get from now on.
manage-back = Welcome back. Everything is as it was before.
manage-stale = This form was too old, and nothing was changed. Here is what stands now; please choose again.
manage-news = News
manage-none = Not by mail
manage-language = Language of the mail
manage-pause = Pause: send me nothing until I come back here
manage-save = Save
manage-leave-title = Leave
manage-leave = This stops all mail to { $address } at once.
manage-leave-button = Stop all mail
manage-left-title = You get no more mail
manage-left = All mail to { $address } is stopped. An e-mail that is already on its way may still reach you.
manage-undo = Undo: go on as before
manage-data-title = My data
manage-data = See what we keep about you, change your e-mail address, or have everything erased. We first mail you a link, so that nobody else can do this with an e-mail you forwarded.
manage-data-button = Mail me the link
manage-data-sent = The link is on its way to { $address }. It works once, for one hour.

## Stop a digest (unsubscribe)

unsubscribe-digest = { digest-name } digest
unsubscribe-feeds = mail of { $feeds }
unsubscribe-kind = mail of this kind
unsubscribe-you = you
unsubscribe-ask-title = Stop the { $what }?
unsubscribe-ask = Stop the { $what } to { $address }? Nothing changes until you press the button.
unsubscribe-button = Stop the { $what }
unsubscribe-done-title = The { $what } is stopped
unsubscribe-done = We will not send the { $what } to { $address } any more. An e-mail that is already on its way may still reach you.
unsubscribe-back-title = The { $what } goes on
unsubscribe-back = Everything is as it was before. We go on sending it to { $address }.
unsubscribe-soon-title = You are unsubscribed
unsubscribe-soon = It takes effect within a minute. An e-mail that is already on its way may still reach you.
unsubscribe-ended-title = The { $what } was stopped before
unsubscribe-ended = The { $what } to { $address } had already ended. There is nothing more to do.
unsubscribe-manage = Change what you get, or stop all mail
unsubscribe-broken = We could not tell from this link which digest to stop. It may have been cut short on its way. Open the newest e-mail from { $site }, and follow the link at its end or copy the whole address from there.

## Subscribe

subscribe-title = News by e-mail
subscribe-intro = Choose what you would like to get and how often, and leave your e-mail address. We then send you one e-mail with a link. Only after you have followed it do we send you news.
subscribe-address = Your e-mail address
subscribe-address-hint = For example: name@example.org
subscribe-feeds = What you would like to get
subscribe-feeds-hint = Choose for each how often it comes. At least one is needed.
subscribe-none = Not this one
subscribe-language = Language of the e-mails
subscribe-consent = By pressing “{ subscribe-button }” you agree that { $sender } keeps your e-mail address and what you chose here, to send you the news you asked for and for nothing else. Each e-mail has a link by which you change this or leave, at any time and at no cost.
subscribe-contact = Questions about your personal data: { $contact }
subscribe-button = Subscribe
subscribe-trap = Leave this empty
subscribe-error-title = Please look at the form again
subscribe-error-missing = Write your e-mail address.
subscribe-error-unfit = We cannot send to “{ $address }”: { $reason }.
subscribe-error-nothing = Choose how often for at least one.
subscribe-error-old = This form was open for too long, and nothing was sent. What you chose is still here: press the button again.
subscribe-error-fast = The form came back faster than anybody can fill it in, and nothing was sent. Wait a few seconds, and press the button again.
subscribe-error-foreign = This form was filled in on another site, and nothing was sent. If this is what you want, press the button here.

## Why an address is refused

address-control = it holds a character that cannot be seen
address-no-at = it has no “@”
address-letters = the part before the “@” has letters that most mail hosts refuse
address-name = the part before the “@” is not a plain name
address-literal = the part after the “@” is a number and not a name
address-domain = the part after the “@” is not the name of a mail host
address-no-dot = the part after the “@” has no dot
address-long = it is too long

## Check your mail

sent-title = Check your mail
sent-intro = If we can write to this address, an e-mail with a link is on its way. Follow the link to confirm what you chose. Until then nothing else is sent.
sent-spam = It can take a few minutes. If you cannot find it, look among the spam as well.
sent-limits = The link works for 72 hours. We send at most one such e-mail a day to an address.
sent-again = Back to the form

## Confirm

confirm-title = Confirm what you would like to get
confirm-ask = This was chosen for { $address }:
confirm-item = { $feed }: { $choice }
confirm-language = Language of the e-mails: { $name }
confirm-hint = Nothing is sent until you press the button.
confirm-consent = By pressing “{ confirm-button }” you agree that { $sender } keeps your e-mail address and what was chosen here, to send you the news listed here and for nothing else. Each e-mail has a link by which you change this or leave, at any time and at no cost.
confirm-button = Yes, send me this
confirm-done-title = You will get our news
confirm-done = From now on we send this to { $address }:
confirm-done-hint = Each e-mail has a link by which you change this or leave, at any time.
confirm-done-manage = Change what you get
confirm-used-title = This was confirmed before
confirm-used = There is nothing more to do. Each e-mail has a link by which you change what you get or leave.
confirm-expired-title = This link is too old
confirm-expired = It worked for 72 hours. If you still would like our news, please subscribe again.
confirm-again = Subscribe again
confirm-refuse-title = This was not me
confirm-refuse = Somebody else gave us this address? Press the button, and we delete it.
confirm-refuse-button = Delete this address
confirm-refused-title = We deleted your address
confirm-refused = Nothing will be sent to it. There is nothing more to do.
confirm-drop = Somebody else asked for this? Press the button, and we drop the request.
confirm-drop-button = Drop this request
confirm-dropped-title = What was asked for is dropped
confirm-dropped = What you had before stays as it was. You can stop it by the link in any of our e-mails.

## Mail that asks to confirm

confirm-mail-subject = Confirm your e-mail address – { $site }
confirm-mail-heading = Confirm your e-mail address
confirm-mail-asked = On { $date }, somebody asked for this at { $site } and gave your address, { $address }:
confirm-mail-ask = If it was you, open this page and confirm:
confirm-mail-button = Confirm my address
confirm-mail-expiry = The link works for 72 hours. Without it we send you nothing.
confirm-mail-refuse = If it was not you, you need not do anything. To have your address deleted at once:
confirm-mail-refuse-link = This was not me, delete my address
confirm-mail-drop = If it was not you, you need not do anything. To have this request dropped at once:
confirm-mail-drop-link = This was not me, drop this request

## My data (self)

self-mail-subject = Your link to your data – { $site }
self-mail-heading = Your data at { $site }
self-mail-asked = On { $date }, this link to your data was asked for by the page that our e-mails to { $address } lead to.
self-mail-button = Open my data
self-mail-expiry = The link works once, for one hour.
self-mail-ignore = If you did not ask for it, you need not do anything. Nobody sees your data without this link.
self-title = My data
self-intro = This is what we keep about you. Of the e-mails sent to you it tells the number alone; their list is kept too. The page can be opened once; ask for a new link where you change what you get.
self-address = E-mail address
self-former = E-mail address before the change
self-asked-for = New e-mail address, not confirmed yet
self-language = Language of the e-mails
self-since = Known to us since
self-mails = E-mails sent to you
self-gets = What you get
self-paused = Paused: nothing is sent to you.
self-nothing = Nothing at present
self-consents = What you agreed to, and when
self-consent-time = When
self-consent-what = What
self-consent-source = How
self-consent-wording = In these words
self-consent-reason = Why
self-action-requested = Asked for: { $feed }
self-action-confirmed = Confirmed: { $feed }
self-action-changed = Changed: { $feed }
self-action-ended = Ended: { $feed }
self-action-paused = You paused all mail
self-action-resumed = You ended the pause
self-source-form = By the form on our pages
self-source-page = By the page behind a link in an e-mail
self-source-mail = By an e-mail to us
self-source-click = By the button of a mail program
self-source-operator = By our staff, for you
self-source-system = By our mail system
self-source-rehearsal = By a list for tests, before we began
self-reason-left = You left
self-reason-address = You changed your e-mail address
self-reason-refused = You said that it was not you
self-reason-late = It was not confirmed in time
self-reason-removed = Our staff removed it
self-reason-rehearsal = Our tests ended
self-reason-renamed = The news has another name now
self-kept-title = What is kept, and how long
self-kept = We keep your address, what you chose and which e-mails were sent to you, to send you what you asked for and to be able to show that you asked for it. We do not record whether you open an e-mail or follow a link in it.
self-kept-address = Your e-mail address
self-kept-address-time = Until you have everything erased; leaving alone does not erase it.
self-kept-other = An address before a change, or one that is not confirmed
self-kept-other-time = 72 hours; one before a change longer if an e-mail to it is still under way.
self-kept-record = What you chose and agreed to, and which e-mails were sent to you
self-kept-record-time = As long as our records. When everything is erased, they stay under a number that leads to nobody.
self-kept-asked = That we asked an address to confirm, without the address itself
self-kept-asked-time = 30 days
self-change-title = Change your e-mail address
self-change = We send a link to the new address. Everything stays as it is until you follow it.
self-change-address = New e-mail address
self-change-button = Mail me the link
self-change-sent = If we can write to the new address, an e-mail with a link is on its way there. Until you follow it, mail goes to the old one.
self-change-same = This is the address we write to already.
self-erase-title = Erase everything
self-erase = All mail to you stops, and your address and everything that leads to you is erased. What you agreed to and which e-mails were sent is kept under a number alone, so that nobody can tell any more whose it is. This cannot be undone.
self-erase-sure = Yes, erase everything that leads to me
self-erase-unsure = Tick the box above the button to have everything erased.
self-erase-button = Erase everything
self-used-title = This link was used before
self-used = For your safety it works once. Every e-mail from us ends with a link to change what you get: ask for a new one there.
self-expired-title = This link is too old
self-expired = For your safety it works for one hour. Every e-mail from us ends with a link to change what you get: ask for a new one there.

## Mail to the new address

change-mail-subject = Confirm your new e-mail address – { $site }
change-mail-heading = Confirm your new e-mail address
change-mail-asked = On { $date }, somebody asked that { $site } send its news to this address, { $address }, instead of another.
change-mail-ask = If it was you, open this page and confirm:
change-mail-button = Confirm my new address
change-mail-expiry = The link works for 72 hours. Until then everything stays as it is.
change-mail-ignore = If it was not you, you need not do anything.
change-title = Confirm your new e-mail address
change-ask = From now on, send what I get to { $address } instead of { $old }.
change-other = the other address
change-button = Yes, use this address
change-done-title = Your e-mail address is changed
change-done = From now on we send what you get to { $address }. We tell the old address as well.
change-taken-title = This address is signed up already
change-taken = { $address } is signed up by itself already, so nothing was changed, and mail goes to { $old } as before. If you do not want it there, leave by the link in any e-mail that comes there.
change-expired = It worked for 72 hours. Nothing was changed. If you still would like to use another address, ask for it again where you change what you get.

## Mail to the old address

changed-mail-subject = Your e-mail address was changed – { $site }
changed-mail-heading = Your e-mail address was changed
changed-mail-text = On { $date }, the address to which { $site } sends its news was changed from this one, { $address }, to another. Nothing more is sent here.
changed-mail-contact = If it was not you, write to { $contact }.

## After everything was erased

goodbye-title = Your data is erased
goodbye = All mail to you is stopped. Your address and everything that leads to you is erased. What you agreed to and which e-mails were sent is kept under a number alone, and nobody can tell any more whose it is. An e-mail that is already on its way may still reach you.
goodbye-again = If you ever would like our news again, you are welcome.

## Pages of feeds

feeds-title = News feeds
feeds-intro = Follow our news in a feed reader or by e-mail. Open a feed to see what it holds and to copy its address, or give your reader the address of this page.
feeds-subscribe = Get our news by e-mail
feeds-list = All feeds as one list (OPML)
feeds-by-name = All feeds by name
feeds-none = No feeds yet.
feed-back = Back
feed-all = All news feeds
feed-subscribe = Get it by e-mail
feed-add-calendar = Add the calendar
feed-follow = Follow it in a feed reader
feed-follow-calendar = Follow it in a feed reader or calendar
feed-how = Copy an address and add it in your program. Any feed reader takes RSS or Atom.
feed-how-calendar = Copy an address and add it in your program. Any feed reader takes RSS or Atom; a calendar program takes the calendar.
feed-copy = Copy
feed-copy-address = Copy the { $name } address
feed-calendar = Calendar
feed-upcoming = Upcoming events
feed-add-event = Add to calendar
feed-no-events = No events are planned at the moment.
feed-newest = Newest
feed-nothing = Nothing published yet. What comes will stand here and in the feed.
feed-archives = { $count ->
    [one] Older news is kept in { $count } archive, from which feed readers take it by themselves. The newest of them: { $atom }, { $json }.
   *[other] Older news is kept in { $count } archives, from which feed readers take it by themselves. The newest of them: { $atom }, { $json }.
}
feed-archive-atom = archive as Atom
feed-archive-json = archive as JSON Feed
feed-copied = The { $name } address is copied.
feed-copy-failed = Your browser did not let us copy. Please select the address and copy it.
feed-kind-all = news releases and events
feed-kind-release = news releases
feed-kind-event = events
feed-that-are = that are { $kind }
feed-in-category = in the category “{ $name }”
feed-tagged = tagged “{ $name }”
feed-from-agency = from “{ $name }”
feed-in-language = in the language “{ $name }”
feed-and = { $one } and { $other }
feed-or = { $one } or { $other }
feed-both = { $all }, and { $any }
feed-selects = All { $what }.
feed-selects-where = All { $what } { $where }.
feed-selects-except = All { $what }, except those { $except }.
feed-selects-where-except = All { $what } { $where }, except those { $except }.
feed-held-none = Nothing published yet.
feed-held = { $count ->
    [one] { $count } entry, last changed { $day }.
   *[other] { $count } entries, last changed { $day }.
}
feed-held-newest = Its documents hold the newest { $count } entries; last changed { $day }.
feed-held-archived = Its documents hold the newest { $count } entries, archives all that is older; last changed { $day }.
