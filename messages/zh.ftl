### What pages and mails say, in Chinese (simplified, as used in Singapore).
### A draft until a speaker has read it: then the line below says `read`.

-status = draft

## Parts of sentences

label = { $text }：
label-text = { $label }：{ $text }
digest-name = { $digest ->
    [immediate] 即时
    [daily] 每日
    [weekly] 每周
    [monthly] 每月
   *[other] “{ $digest }”
}
choice-immediate = 即时发送，每则一封
choice-digest = 收入{ digest-name }摘要

## Dates

date-month = { $month }月
# 1 is Monday.
date-weekday = { $weekday ->
    [1] 星期一
    [2] 星期二
    [3] 星期三
    [4] 星期四
    [5] 星期五
    [6] 星期六
   *[7] 星期日
}
date-day = { $year }年{ date-month }{ $day }日
date-long = { date-day }{ date-weekday }
date-moment = { $date } { $time }（{ $offset }）
date-hours = { $date } { $from }–{ $to }（{ $offset }）
date-range = { $first } – { $last }
date-moments = { $first } { $from } – { $last } { $to }（{ $offset }）

## Entries, in mails and pages

entry-release = 新闻稿
entry-event = 活动
entry-announced = { $day }公布
entry-withdrawn = 已撤回
entry-correction = 更正
entry-corrected = 已更正
entry-updated = 已更新
entry-cancelled = 已取消
entry-postponed = 已延期
entry-when = 时间
entry-where = 地点
entry-online = 线上
entry-book = 报名
entry-add = 日历
entry-calendar = 日历
entry-status = 状态
entry-take-part = 线上参加
entry-register = 报名参加活动
entry-add-calendar = 加入您的日历
entry-add-elsewhere = ，或加入{ $google }或{ $outlook }
entry-instead = 阅读取代它的内容
entry-instead-short = 请改读
entry-read-release = 阅读新闻稿全文
entry-read-event = 了解活动详情
entry-read-withdrawn = 阅读撤回说明

## What changed about an event, where its author does not say

change-and = { $one }{ $other }
change-time = 新时间：{ $when }。原为：{ $before }。
change-time-is = 时间：{ $when }。
change-time-open = 时间待定。原为：{ $before }。
change-place = 新地点：{ $place }。原为：{ $before }。
change-place-is = 地点：{ $place }。
change-place-open = 地点待定。原为：{ $before }。
change-cancelled = 活动已取消。
change-postponed = 活动已延期。
change-confirmed = 活动将如期举行。

## Mails with news

mail-subject = { $others ->
    [0] { $title } – { $site }
   *[other] { $title } 及另外 { $others } 则 – { $site }
}
mail-also = 还有：{ $titles }
mail-heading-digest = { digest-name }摘要
mail-heading-urgent = 紧急消息
mail-heading-correction = 更正
mail-heading-reminder = 活动提醒
mail-total = { $count } 则
mail-more = 网页版另有 { $count } 则
mail-reason-digest = 您收到这封电邮，是因为您订阅了{ $site }的{ digest-name }摘要。
mail-reason-urgent = 这是紧急消息，而您订阅了{ $site }的新闻，因此我们立即发送这封电邮给您。
mail-reason-correction = 您收到这封电邮，是因为{ $site }先前发给您的内容在此更正。
mail-reason-reminder = 您收到这封电邮，是因为您订阅了{ $site }的活动消息，而其中一项活动即将举行。
mail-leave = 您可以随时退订。
mail-stop-digest = 退订{ digest-name }摘要
mail-stop-feeds = 退订与这封电邮有关的新闻
mail-manage = 更改您要收到的内容
mail-web = 在网页上阅读本期内容
mail-web-short = 本期网页版
mail-visit = 前往{ $site }
mail-sent-by = 发件人：{ $sender }
mail-sender-for = { $name }（代表{ $site }）
mail-purpose = 您的电邮地址的用途：{ $purpose }。
mail-contact = 联系方式
mail-data = 有关您个人资料的查询
mail-copy = 这是由{ $sender }发出的电邮的网页版。

## Every page

page-skip = 跳到正文
page-foot = 本网页不使用 Cookie，也不从其他网站载入任何内容。
page-language = 本网页的语言
page-home = 前往{ $site }首页

## Pages that say what is wrong

error-not-found-title = 找不到此网页
error-not-found = 网址可能有误，或者原来的内容已经移除。
error-closed-title = 此订阅源已关闭
error-closed = 它不会恢复，请从您的阅读器中删除。
error-failed-title = 我们的系统出了问题
error-failed = 请几分钟后再试。
error-busy-title = 请求太多
error-busy = 请等几分钟后再试。
error-waiting-title = 我们仍在处理您之前的操作
error-waiting = 没有遗失任何内容，现在也没有作任何更改。请一分钟后再试。
error-method-title = 此网页不能这样使用
error-method = 请在浏览器中打开这个网址，并使用网页上的表格。
error-link-title = 此链接无效
error-link = 链接在传送途中可能被截断。请打开最新的一封电邮，点击末尾的链接，或复制完整的网址。
error-former-title = 此链接发往的地址已经更改
error-former = 收件人现在用另一个地址收取我们的新闻。请在那里打开较新的一封电邮，点击末尾的链接。每封电邮中的退订链接都有效，旧的电邮也不例外。
error-form-title = 这不是由我们的表格发出的
error-form = 请再次打开电邮中的链接，并使用该网页上的表格。
error-slow-title = 等候时间太长
error-slow = 我们没能及时处理完您的请求。请一分钟后再试。
error-large-title = 内容过多，表格无法接收
error-large = 没有作任何更改。请缩短所填的内容，然后再次提交。
error-request-title = 我们无法读取这个请求
error-request = 没有作任何更改。请重新打开网页，并使用网页上的表格。

## What you get (manage)

manage-title = 您要收到的内容
manage-wording = 请选择您要收到的内容和次数。按“保存”之前不会有任何改变。
manage-for = 适用于 { $address }。
manage-saved = 已保存。从现在起您将按以下选择收到电邮。
manage-back = 欢迎回来。一切恢复原样。
manage-stale = 这份表格已经过期，没有作出任何改变。以下是目前的设定，请重新选择。
manage-news = 新闻
manage-none = 不发电邮
manage-language = 电邮的语言
manage-pause = 暂停：在我回到此网页之前，请不要发送任何电邮
manage-save = 保存
manage-leave-title = 退订
manage-leave = 这会立即停止发送给 { $address } 的所有电邮。
manage-leave-button = 停止所有电邮
manage-left-title = 您不会再收到电邮
manage-left = 发送给 { $address } 的所有电邮已经停止。已在途中的电邮仍可能送达。
manage-undo = 撤销：照旧发送
manage-data-title = 我的资料
manage-data = 查看我们保存的您的资料、更改电邮地址，或要求全部删除。为了防止他人使用您转发的电邮这样做，我们会先把链接电邮给您。
manage-data-button = 请把链接电邮给我
manage-data-sent = 链接已发往 { $address }，只能使用一次，一小时内有效。

## Stop a digest (unsubscribe)

unsubscribe-digest = { digest-name }摘要
unsubscribe-feeds = 有关{ $feeds }的电邮
unsubscribe-kind = 这类电邮
unsubscribe-you = 您
unsubscribe-ask-title = 停止{ $what }吗？
unsubscribe-ask = 停止发送{ $what }给 { $address } 吗？按下按钮之前不会有任何改变。
unsubscribe-button = 停止{ $what }
unsubscribe-done-title = { $what }已停止
unsubscribe-done = 我们不会再发送{ $what }给 { $address }。已在途中的电邮仍可能送达。
unsubscribe-back-title = { $what }继续发送
unsubscribe-back = 一切恢复原样。我们会继续发送给 { $address }。
unsubscribe-soon-title = 您已退订
unsubscribe-soon = 退订将在一分钟内生效。已经发出的电子邮件可能仍会送达。
unsubscribe-ended-title = { $what }先前已停止
unsubscribe-ended = 发送给 { $address } 的{ $what }早已停止，您不必再做什么。
unsubscribe-manage = 更改要收到的内容，或停止所有电邮
unsubscribe-broken = 我们无法从此链接得知要停止哪一种摘要。链接在传送途中可能被截断。请打开{ $site }最新的一封电邮，点击末尾的链接，或复制完整的网址。

## Subscribe

subscribe-title = 电邮新闻
subscribe-intro = 请选择您要收到的内容和次数，并留下您的电邮地址。我们会先给您发送一封附有链接的电邮；您打开链接确认之后，我们才会发送新闻。
subscribe-address = 您的电邮地址
subscribe-address-hint = 例如：name@example.org
subscribe-feeds = 您要收到的内容
subscribe-feeds-hint = 请为每一项选择发送的次数，至少选择一项。
subscribe-none = 不要这一项
subscribe-language = 电邮的语言
subscribe-consent = 按下“{ subscribe-button }”，即表示您同意{ $sender }保存您的电邮地址和您在此所作的选择，只用来发送您要求的新闻，不作其他用途。每封电邮都有链接，让您随时免费更改或退订。
subscribe-contact = 有关您个人资料的查询：{ $contact }
subscribe-button = 订阅
subscribe-trap = 请将此栏留空
subscribe-error-title = 请检查表格
subscribe-error-missing = 请填写您的电邮地址。
subscribe-error-unfit = 我们无法发送电邮到“{ $address }”：{ $reason }。
subscribe-error-nothing = 请至少为一项选择发送的次数。
subscribe-error-old = 这份表格打开得太久，没有提交。您的选择仍然保留，请再按一次按钮。
subscribe-error-fast = 这份表格提交得太快，没有人能填得这么快，因此没有提交。请等几秒钟，再按一次按钮。
subscribe-error-foreign = 这份表格是在别的网站填写的，没有提交。如果这是您要的，请在这里按按钮。

## Why an address is refused

address-control = 它含有看不见的字符
address-no-at = 它没有“@”
address-letters = “@”之前的部分含有大多数邮件系统不接受的文字
address-name = “@”之前的部分不是一般的名称
address-literal = “@”之后的部分是数字而不是名称
address-domain = “@”之后的部分不是邮件系统的名称
address-no-dot = “@”之后的部分没有点号
address-long = 它太长了

## Check your mail

sent-title = 请查看您的电邮
sent-intro = 如果我们可以发送电邮到这个地址，一封附有链接的电邮已在途中。请打开链接，确认您的选择。在此之前，我们不会发送其他电邮。
sent-spam = 这可能需要几分钟。如果找不到，请也查看垃圾邮件。
sent-limits = 链接在 72 小时内有效。我们每天最多向一个地址发送一封这样的电邮。
sent-again = 回到表格

## Confirm

confirm-title = 请确认您要收到的内容
confirm-ask = 以下是为 { $address } 所作的选择：
confirm-item = { $feed }：{ $choice }
confirm-language = 电邮的语言：{ $name }
confirm-hint = 按下按钮之前，我们不会发送任何电邮。
confirm-consent = 按下“{ confirm-button }”，即表示您同意{ $sender }保存您的电邮地址和在此所作的选择，只用来发送这里列出的新闻，不作其他用途。每封电邮都有链接，让您随时免费更改或退订。
confirm-button = 是的，请发送给我
confirm-done-title = 您将收到我们的新闻
confirm-done = 从现在起，我们会发送以下内容给 { $address }：
confirm-done-hint = 每封电邮都有链接，让您随时更改或退订。
confirm-done-manage = 更改您要收到的内容
confirm-used-title = 先前已经确认
confirm-used = 您不必再做什么。每封电邮都有链接，让您更改要收到的内容或退订。
confirm-expired-title = 此链接已过期
confirm-expired = 链接的有效期是 72 小时。如果您仍想收到我们的新闻，请重新订阅。
confirm-again = 重新订阅
confirm-refuse-title = 这不是我
confirm-refuse = 是别人给了我们这个地址吗？按下按钮，我们就会把它删除。
confirm-refuse-button = 删除此地址
confirm-refused-title = 我们已删除您的地址
confirm-refused = 我们不会发送任何电邮到这个地址，您不必再做什么。
confirm-drop = 是别人提出的要求吗？按下按钮，我们就会取消这项要求。
confirm-drop-button = 取消这项要求
confirm-dropped-title = 已取消这项要求
confirm-dropped = 您原有的订阅保持不变。您可以使用我们任何一封电邮中的链接停止接收。

## Mail that asks to confirm

confirm-mail-subject = 请确认您的电邮地址 – { $site }
confirm-mail-heading = 请确认您的电邮地址
confirm-mail-asked = { $date }，有人在{ $site }留下您的地址 { $address }，要求收到以下内容：
confirm-mail-ask = 如果是您本人，请打开以下网页确认：
confirm-mail-button = 确认我的地址
confirm-mail-expiry = 链接在 72 小时内有效。如果您不确认，我们不会发送任何内容给您。
confirm-mail-refuse = 如果不是您本人，您不必做什么。如要立即删除您的地址：
confirm-mail-refuse-link = 这不是我，请删除我的地址
confirm-mail-drop = 如果不是您本人，您不必做什么。如要立即取消这项要求：
confirm-mail-drop-link = 这不是我，请取消这项要求

## My data (self)

self-mail-subject = 查看您的资料的链接 – { $site }
self-mail-heading = { $site }保存的您的资料
self-mail-asked = { $date }，有人在我们发给 { $address } 的电邮所链接的网页上，要求取得查看您的资料的链接。
self-mail-button = 打开我的资料
self-mail-expiry = 链接只能使用一次，一小时内有效。
self-mail-ignore = 如果不是您要求的，您不必做什么。没有此链接，谁也看不到您的资料。
self-title = 我的资料
self-intro = 这是我们保存的有关您的资料。已发送给您的电邮在此只列出数目，其清单也有保存。此网页只能打开一次；如要再次打开，请在更改收到内容的网页上要求新的链接。
self-address = 电邮地址
self-former = 更改之前的电邮地址
self-asked-for = 尚未确认的新电邮地址
self-language = 电邮的语言
self-since = 开始保存的时间
self-mails = 已发送给您的电邮数目
self-gets = 您要收到的内容
self-paused = 已暂停：我们不会发送任何电邮给您。
self-nothing = 目前没有
self-consents = 您同意的内容和时间
self-consent-time = 时间
self-consent-what = 内容
self-consent-source = 方式
self-consent-wording = 当时的文字
self-consent-reason = 原因
self-action-requested = 要求：{ $feed }
self-action-confirmed = 确认：{ $feed }
self-action-changed = 更改：{ $feed }
self-action-ended = 结束：{ $feed }
self-action-paused = 您暂停了所有电邮
self-action-resumed = 您结束了暂停
self-source-form = 通过我们网页上的表格
self-source-page = 通过电邮链接的网页
self-source-mail = 通过发给我们的电邮
self-source-click = 通过邮件程序的按钮
self-source-operator = 由我们的职员代办
self-source-system = 由我们的邮件系统
self-source-rehearsal = 正式开始前的测试名单
self-reason-left = 您已退订
self-reason-address = 您更改了电邮地址
self-reason-refused = 您说不是您本人
self-reason-late = 没有及时确认
self-reason-removed = 由我们的职员移除
self-reason-rehearsal = 我们的测试已结束
self-reason-renamed = 这项新闻已改名
self-kept-title = 保存的内容和期限
self-kept = 我们保存您的地址、您的选择和我们发给您的电邮记录，以便发送您要求的内容，并能证明您曾提出要求。我们不会记录您是否打开电邮或点击其中的链接。
self-kept-address = 您的电邮地址
self-kept-address-time = 直到您要求全部删除为止；仅仅退订并不会删除。
self-kept-other = 更改之前的地址，或尚未确认的地址
self-kept-other-time = 72 小时；如果仍有电邮正在发往更改之前的地址，则会更久。
self-kept-record = 您的选择、您同意的内容，以及我们发给您的电邮记录
self-kept-record-time = 与我们的记录保存得一样久。全部删除之后，这些记录只留在一个编号之下，无法追溯到任何人。
self-kept-asked = 我们曾请某个地址确认（不含地址本身）
self-kept-asked-time = 30 天
self-change-title = 更改电邮地址
self-change = 我们会把链接发送到新的地址。在您打开链接之前，一切照旧。
self-change-address = 新的电邮地址
self-change-button = 请把链接电邮给我
self-change-sent = 如果我们可以发送电邮到新的地址，一封附有链接的电邮已在途中。在您打开链接之前，电邮仍会发送到旧的地址。
self-change-same = 这就是我们现在使用的地址。
self-erase-title = 全部删除
self-erase = 我们会停止发送所有电邮给您，并删除您的地址和所有能辨认出您的资料。您同意过的内容和发送过的电邮的记录只以编号保存，再也没有人能知道属于谁。此操作无法撤销。
self-erase-sure = 是的，请删除所有能辨认出我的资料
self-erase-unsure = 如要全部删除，请先勾选按钮上方的方框。
self-erase-button = 全部删除
self-used-title = 此链接已经使用过
self-used = 为了您的安全，链接只能使用一次。我们每封电邮的末尾都有更改收到内容的链接，请在那里要求新的链接。
self-expired-title = 此链接已过期
self-expired = 为了您的安全，链接只在一小时内有效。我们每封电邮的末尾都有更改收到内容的链接，请在那里要求新的链接。

## Mail to the new address

change-mail-subject = 请确认您的新电邮地址 – { $site }
change-mail-heading = 请确认您的新电邮地址
change-mail-asked = { $date }，有人要求{ $site }把新闻改为发送到这个地址 { $address }。
change-mail-ask = 如果是您本人，请打开以下网页确认：
change-mail-button = 确认我的新地址
change-mail-expiry = 链接在 72 小时内有效。在此之前，一切照旧。
change-mail-ignore = 如果不是您本人，您不必做什么。
change-title = 请确认您的新电邮地址
change-ask = 从现在起，请把我要收到的内容发送到 { $address }，而不是 { $old }。
change-other = 另一个地址
change-button = 是的，使用这个地址
change-done-title = 您的电邮地址已更改
change-done = 从现在起，我们会把您要收到的内容发送到 { $address }。我们也会通知旧的地址。
change-taken-title = 这个地址已经登记
change-taken = { $address } 已另行登记，因此没有作任何更改，电邮仍会发送到 { $old }。如果您不想在那里收到电邮，请使用那里收到的任何一封电邮中的链接退订。
change-expired = 链接只在 72 小时内有效。没有作任何更改。如果您仍想使用另一个地址，请在更改收到内容的网页上再次要求。

## Mail to the old address

changed-mail-subject = 您的电邮地址已更改 – { $site }
changed-mail-heading = 您的电邮地址已更改
changed-mail-text = { $date }，{ $site }发送新闻的地址已从这个地址 { $address } 改为另一个地址。我们不会再发送电邮到这里。
changed-mail-contact = 如果不是您本人更改的，请写信到 { $contact }。

## After everything was erased

goodbye-title = 您的资料已删除
goodbye = 发送给您的所有电邮已经停止。您的地址和所有能辨认出您的资料都已删除。您同意过的内容和发送过的电邮的记录只以编号保存，再也没有人能知道属于谁。已在途中的电邮仍可能送达。
goodbye-again = 如果您以后又想收到我们的新闻，欢迎再来。

## Pages of feeds

feeds-title = 新闻订阅源
feeds-intro = 您可以用阅读器或通过电邮关注我们的新闻。打开一个订阅源，即可查看内容和复制网址；也可以把本网页的网址加入您的阅读器。
feeds-subscribe = 用电邮接收我们的新闻
feeds-list = 所有订阅源的列表（OPML）
feeds-by-name = 按名称排列的所有订阅源
feeds-none = 还没有订阅源。
feed-back = 返回
feed-all = 所有新闻订阅源
feed-subscribe = 用电邮接收
feed-add-calendar = 加入日历
feed-follow = 用阅读器关注
feed-follow-calendar = 用阅读器或日历关注
feed-how = 复制一个网址，并加入您的程序。任何阅读器都支持 RSS 或 Atom。
feed-how-calendar = 复制一个网址，并加入您的程序。任何阅读器都支持 RSS 或 Atom；日历程序则使用日历网址。
feed-copy = 复制
feed-copy-address = 复制 { $name } 网址
feed-calendar = 日历
feed-upcoming = 即将举行的活动
feed-add-event = 加入日历
feed-no-events = 目前没有活动。
feed-newest = 最新
feed-nothing = 还没有发布任何内容。新的内容会在此处和订阅源中出现。
feed-archives = 较早的新闻保存在 { $count } 个存档中，阅读器会自动取用。最新的存档：{ $atom }、{ $json }。
feed-archive-atom = Atom 存档
feed-archive-json = JSON Feed 存档
feed-copied = 已复制 { $name } 网址。
feed-copy-failed = 您的浏览器不允许复制。请选取网址并自行复制。
feed-kind-all = 新闻稿和活动
feed-kind-release = 新闻稿
feed-kind-event = 活动
feed-that-are = 类型为{ $kind }
feed-in-category = 分类为“{ $name }”
feed-tagged = 标签为“{ $name }”
feed-from-agency = 来自“{ $name }”
feed-in-language = 语言为“{ $name }”
feed-and = { $one }且{ $other }
feed-or = { $one }或{ $other }
feed-both = { $all }，且{ $any }
feed-selects = 所有{ $what }。
feed-selects-where = 所有{ $what }，须{ $where }。
feed-selects-except = 所有{ $what }，但不包括{ $except }的内容。
feed-selects-where-except = 所有{ $what }，须{ $where }，但不包括{ $except }的内容。
feed-held-none = 还没有发布任何内容。
feed-held = 共 { $count } 则，最近更改于{ $day }。
feed-held-newest = 文件包含最新的 { $count } 则，最近更改于{ $day }。
feed-held-archived = 文件包含最新的 { $count } 则，较早的在存档中；最近更改于{ $day }。
