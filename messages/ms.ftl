### What pages and mails say, in Malay (as used in Singapore).
### A draft until a speaker has read it: then the line below says `read`.

-status = draft

## Parts of sentences

label = { $text }:
label-text = { $label }: { $text }
digest-name = { $digest ->
    [immediate] segera
    [daily] harian
    [weekly] mingguan
    [monthly] bulanan
   *[other] “{ $digest }”
}
choice-immediate = Serta-merta, satu e-mel bagi setiap berita
choice-digest = Dalam ringkasan { digest-name }

## Dates

date-month = { $month ->
    [1] Januari
    [2] Februari
    [3] Mac
    [4] April
    [5] Mei
    [6] Jun
    [7] Julai
    [8] Ogos
    [9] September
    [10] Oktober
    [11] November
   *[12] Disember
}
# 1 is Monday.
date-weekday = { $weekday ->
    [1] Isnin
    [2] Selasa
    [3] Rabu
    [4] Khamis
    [5] Jumaat
    [6] Sabtu
   *[7] Ahad
}
date-day = { $day } { date-month } { $year }
date-long = { date-weekday }, { date-day }
date-moment = { $date }, { $time } ({ $offset })
date-hours = { $date }, { $from }–{ $to } ({ $offset })
date-range = { $first } – { $last }
date-moments = { $first }, { $from } – { $last }, { $to } ({ $offset })

## Entries, in mails and pages

entry-release = Siaran akhbar
entry-event = Acara
entry-announced = diumumkan pada { $day }
entry-withdrawn = Ditarik balik
entry-correction = Pembetulan
entry-corrected = Dibetulkan
entry-updated = Dikemas kini
entry-cancelled = Dibatalkan
entry-postponed = Ditangguhkan
entry-when = Bila
entry-where = Di mana
entry-online = Dalam talian
entry-book = Daftar
entry-add = Kalendar
entry-calendar = Kalendar
entry-status = Status
entry-take-part = Sertai dalam talian
entry-register = Daftar untuk acara ini
entry-add-calendar = Tambah ke kalendar anda
entry-add-elsewhere = , atau ke { $google } atau { $outlook }
entry-instead = Baca penggantinya
entry-instead-short = Sebagai ganti, baca
entry-read-release = Baca siaran penuh
entry-read-event = Baca lagi tentang acara ini
entry-read-withdrawn = Baca notis penarikan balik

## What changed about an event, where its author does not say

change-and = { $one } { $other }
change-time = Masa baharu: { $when }. Sebelum ini: { $before }.
change-time-is = Masanya ialah { $when }.
change-time-open = Masa belum ditetapkan. Sebelum ini: { $before }.
change-place = Tempat baharu: { $place }. Sebelum ini: { $before }.
change-place-is = Tempatnya ialah { $place }.
change-place-open = Tempat belum ditetapkan. Sebelum ini: { $before }.
change-cancelled = Acara ini dibatalkan.
change-postponed = Acara ini ditangguhkan.
change-confirmed = Acara ini tetap diadakan.

## Mails with news

mail-subject = { $others ->
    [0] { $title } – { $site }
   *[other] { $title } dan { $others } lagi – { $site }
}
mail-also = Juga: { $titles }
mail-heading-digest = ringkasan { digest-name }
mail-heading-urgent = Berita segera
mail-heading-correction = Pembetulan
mail-heading-reminder = Akan datang
mail-total = { $count } perkara
mail-more = Dan { $count } lagi dalam salinan web
mail-reason-digest = Anda menerima e-mel ini kerana anda telah meminta ringkasan { digest-name } daripada { $site }.
mail-reason-urgent = Anda menerima e-mel ini serta-merta kerana ia penting dan anda mengikuti berita { $site }.
mail-reason-correction = Anda menerima e-mel ini kerana e-mel terdahulu daripada { $site } mengandungi teks yang dibetulkan di sini.
mail-reason-reminder = Anda menerima e-mel ini kerana anda mengikuti acara { $site } dan salah satunya akan berlangsung tidak lama lagi.
mail-leave = Anda boleh berhenti melanggan pada bila-bila masa.
mail-stop-digest = Berhenti melanggan ringkasan { digest-name }
mail-stop-feeds = Berhenti melanggan berita yang membawa e-mel ini
mail-manage = Ubah apa yang anda terima
mail-web = Baca keluaran ini di web
mail-web-short = Keluaran ini di web
mail-visit = Lawati { $site }
mail-sent-by = Dihantar oleh { $sender }
mail-sender-for = { $name }, bagi pihak { $site }
mail-purpose = Tujuan alamat e-mel anda digunakan: { $purpose }.
mail-contact = Hubungi
mail-data = Pertanyaan tentang data peribadi anda
mail-copy = Salinan web bagi e-mel yang dihantar oleh { $sender }.

## Every page

page-skip = Langkau ke kandungan
page-foot = Halaman ini tidak menggunakan kuki dan tidak memuatkan apa-apa dari tempat lain.
page-language = Bahasa halaman ini
page-home = Pergi ke halaman utama { $site }

## Pages that say what is wrong

error-not-found-title = Tiada halaman sedemikian
error-not-found = Alamatnya mungkin tersalah eja, atau perkara yang dinamakannya mungkin sudah tiada.
error-closed-title = Suapan ini telah ditutup
error-closed = Ia tidak akan kembali. Sila buang ia daripada pembaca anda.
error-failed-title = Berlaku masalah di pihak kami
error-failed = Sila cuba lagi dalam beberapa minit.
error-busy-title = Terlalu banyak permintaan serentak
error-busy = Sila tunggu beberapa minit, kemudian cuba lagi.
error-waiting-title = Kami masih memproses tindakan anda sebelum ini
error-waiting = Tiada apa yang hilang, dan tiada apa yang diubah sekarang. Sila cuba lagi sebentar lagi.
error-method-title = Halaman ini tidak boleh digunakan dengan cara ini
error-method = Buka alamatnya dalam pelayar, dan gunakan borang di situ.
error-link-title = Pautan ini tidak berfungsi
error-link = Ia mungkin terpotong semasa dihantar. Buka e-mel yang terbaharu, dan ikuti pautan di hujungnya atau salin keseluruhan alamat dari situ.
error-former-title = Pautan ini dihantar ke alamat yang telah ditukar
error-former = Penerimanya kini menerima berita kami di alamat lain. Buka e-mel yang lebih baharu di sana, dan ikuti pautan di hujungnya. Pautan untuk berhenti melanggan berfungsi dalam setiap e-mel, termasuk yang lama.
error-form-title = Ini tidak dihantar melalui borang kami
error-form = Buka semula pautan dalam e-mel anda, dan gunakan borang di situ.
error-slow-title = Ini mengambil masa terlalu lama
error-slow = Kami tidak sempat memproses permintaan anda. Sila cuba lagi dalam seminit.
error-large-title = Ini terlalu banyak untuk borang kami
error-large = Tiada apa-apa diubah. Pendekkan apa yang anda tulis, dan hantar semula.
error-request-title = Kami tidak dapat membaca permintaan ini
error-request = Tiada apa-apa diubah. Buka semula halaman ini, dan gunakan borang di situ.

## What you get (manage)

manage-title = Apa yang anda terima
manage-wording = Pilih apa yang anda terima, dan kekerapannya. Tiada apa-apa berubah sehingga anda menekan Simpan.
manage-for = Untuk { $address }.
manage-saved = Disimpan. Inilah yang anda terima mulai sekarang.
manage-back = Selamat kembali. Semuanya seperti sebelumnya.
manage-stale = Borang ini terlalu lama, dan tiada apa-apa diubah. Inilah keadaan sekarang; sila pilih semula.
manage-news = Berita
manage-none = Bukan melalui e-mel
manage-language = Bahasa e-mel
manage-pause = Jeda: jangan hantar apa-apa kepada saya sehingga saya kembali ke sini
manage-save = Simpan
manage-leave-title = Berhenti melanggan
manage-leave = Ini menghentikan semua e-mel ke { $address } serta-merta.
manage-leave-button = Hentikan semua e-mel
manage-left-title = Anda tidak akan menerima e-mel lagi
manage-left = Semua e-mel ke { $address } telah dihentikan. E-mel yang sedang dalam penghantaran mungkin masih sampai.
manage-undo = Batalkan: teruskan seperti sebelumnya
manage-data-title = Data saya
manage-data = Lihat apa yang kami simpan tentang anda, ubah alamat e-mel anda, atau minta semuanya dipadamkan. Kami menghantar pautan kepada anda dahulu, supaya orang lain tidak dapat melakukannya dengan e-mel yang anda majukan.
manage-data-button = Hantar pautan kepada saya
manage-data-sent = Pautan sedang dihantar ke { $address }. Ia boleh digunakan sekali sahaja, dalam masa satu jam.

## Stop a digest (unsubscribe)

unsubscribe-digest = ringkasan { digest-name }
unsubscribe-feeds = e-mel tentang { $feeds }
unsubscribe-kind = e-mel seperti ini
unsubscribe-you = alamat anda
unsubscribe-ask-title = Hentikan { $what }?
unsubscribe-ask = Hentikan { $what } ke { $address }? Tiada apa-apa berubah sehingga anda menekan butang.
unsubscribe-button = Hentikan { $what }
unsubscribe-done-title = Dihentikan: { $what }
unsubscribe-done = Kami tidak akan menghantar { $what } ke { $address } lagi. E-mel yang sedang dalam penghantaran mungkin masih sampai.
unsubscribe-back-title = Diteruskan: { $what }
unsubscribe-back = Semuanya seperti sebelumnya. Kami terus menghantarnya ke { $address }.
unsubscribe-soon-title = Langganan anda telah dihentikan
unsubscribe-soon = Ia berkuat kuasa dalam masa satu minit. E-mel yang sudah dihantar mungkin masih sampai kepada anda.
unsubscribe-ended-title = Telah dihentikan sebelum ini: { $what }
unsubscribe-ended = Penghantaran { $what } ke { $address } telah pun berakhir. Tiada apa-apa lagi yang perlu dilakukan.
unsubscribe-manage = Ubah apa yang anda terima, atau hentikan semua e-mel
unsubscribe-broken = Kami tidak dapat mengetahui daripada pautan ini ringkasan mana yang hendak dihentikan. Ia mungkin terpotong semasa dihantar. Buka e-mel terbaharu daripada { $site }, dan ikuti pautan di hujungnya atau salin keseluruhan alamat dari situ.

## Subscribe

subscribe-title = Berita melalui e-mel
subscribe-intro = Pilih apa yang anda mahu terima dan kekerapannya, dan berikan alamat e-mel anda. Kami akan menghantar satu e-mel dengan pautan. Hanya selepas anda mengikuti pautan itu, kami menghantar berita kepada anda.
subscribe-address = Alamat e-mel anda
subscribe-address-hint = Contohnya: name@example.org
subscribe-feeds = Apa yang anda mahu terima
subscribe-feeds-hint = Pilih kekerapan bagi setiap satu. Sekurang-kurangnya satu diperlukan.
subscribe-none = Bukan yang ini
subscribe-language = Bahasa e-mel
subscribe-consent = Dengan menekan “{ subscribe-button }” anda bersetuju bahawa { $sender } menyimpan alamat e-mel anda dan pilihan anda di sini, untuk menghantar berita yang anda minta dan bukan untuk tujuan lain. Setiap e-mel mempunyai pautan untuk mengubahnya atau berhenti melanggan, pada bila-bila masa dan tanpa bayaran.
subscribe-contact = Pertanyaan tentang data peribadi anda: { $contact }
subscribe-button = Langgan
subscribe-trap = Biarkan ruang ini kosong
subscribe-error-title = Sila semak borang ini semula
subscribe-error-missing = Tulis alamat e-mel anda.
subscribe-error-unfit = Kami tidak dapat menghantar ke “{ $address }”: { $reason }.
subscribe-error-nothing = Pilih kekerapan bagi sekurang-kurangnya satu.
subscribe-error-old = Borang ini dibuka terlalu lama, dan tiada apa-apa dihantar. Pilihan anda masih ada di sini: tekan butang sekali lagi.
subscribe-error-fast = Borang ini dihantar lebih cepat daripada masa yang diperlukan untuk mengisinya, dan tiada apa-apa dihantar. Tunggu beberapa saat, kemudian tekan butang sekali lagi.
subscribe-error-foreign = Borang ini diisi di laman lain, dan tiada apa-apa dihantar. Jika inilah yang anda mahu, tekan butang di sini.

## Why an address is refused

address-control = ia mengandungi aksara yang tidak dapat dilihat
address-no-at = ia tiada “@”
address-letters = bahagian sebelum “@” mengandungi huruf yang ditolak oleh kebanyakan hos mel
address-name = bahagian sebelum “@” bukan nama biasa
address-literal = bahagian selepas “@” ialah nombor dan bukan nama
address-domain = bahagian selepas “@” bukan nama hos mel
address-no-dot = bahagian selepas “@” tiada titik
address-long = ia terlalu panjang

## Check your mail

sent-title = Semak e-mel anda
sent-intro = Jika kami boleh menghantar ke alamat ini, e-mel dengan pautan sedang dihantar. Ikuti pautan itu untuk mengesahkan pilihan anda. Sebelum itu, tiada apa-apa lagi dihantar.
sent-spam = Ia mungkin mengambil masa beberapa minit. Jika anda tidak menemuinya, lihat juga dalam folder spam.
sent-limits = Pautan itu sah selama 72 jam. Kami menghantar paling banyak satu e-mel sedemikian sehari ke sesuatu alamat.
sent-again = Kembali ke borang

## Confirm

confirm-title = Sahkan apa yang anda mahu terima
confirm-ask = Ini telah dipilih untuk { $address }:
confirm-item = { $feed }: { $choice }
confirm-language = Bahasa e-mel: { $name }
confirm-hint = Tiada apa-apa dihantar sehingga anda menekan butang.
confirm-consent = Dengan menekan “{ confirm-button }” anda bersetuju bahawa { $sender } menyimpan alamat e-mel anda dan apa yang dipilih di sini, untuk menghantar berita yang disenaraikan di sini dan bukan untuk tujuan lain. Setiap e-mel mempunyai pautan untuk mengubahnya atau berhenti melanggan, pada bila-bila masa dan tanpa bayaran.
confirm-button = Ya, hantar ini kepada saya
confirm-done-title = Anda akan menerima berita kami
confirm-done = Mulai sekarang kami menghantar ini ke { $address }:
confirm-done-hint = Setiap e-mel mempunyai pautan untuk mengubahnya atau berhenti melanggan, pada bila-bila masa.
confirm-done-manage = Ubah apa yang anda terima
confirm-used-title = Ini telah disahkan sebelum ini
confirm-used = Tiada apa-apa lagi yang perlu dilakukan. Setiap e-mel mempunyai pautan untuk mengubah apa yang anda terima atau berhenti melanggan.
confirm-expired-title = Pautan ini sudah luput
confirm-expired = Ia sah selama 72 jam. Jika anda masih mahu berita kami, sila langgan semula.
confirm-again = Langgan semula
confirm-refuse-title = Ini bukan saya
confirm-refuse = Orang lain memberi kami alamat ini? Tekan butang, dan kami memadamkannya.
confirm-refuse-button = Padamkan alamat ini
confirm-refused-title = Kami telah memadamkan alamat anda
confirm-refused = Tiada apa-apa akan dihantar ke alamat itu. Tiada apa-apa lagi yang perlu dilakukan.
confirm-drop = Orang lain yang memintanya? Tekan butang, dan kami membatalkan permintaan ini.
confirm-drop-button = Batalkan permintaan ini
confirm-dropped-title = Permintaan itu telah dibatalkan
confirm-dropped = Apa yang anda terima sebelum ini kekal seperti biasa. Anda boleh menghentikannya melalui pautan dalam mana-mana e-mel kami.

## Mail that asks to confirm

confirm-mail-subject = Sahkan alamat e-mel anda – { $site }
confirm-mail-heading = Sahkan alamat e-mel anda
confirm-mail-asked = Pada { $date }, seseorang telah meminta ini di { $site } dan memberikan alamat anda, { $address }:
confirm-mail-ask = Jika itu anda, buka halaman ini dan sahkan:
confirm-mail-button = Sahkan alamat saya
confirm-mail-expiry = Pautan itu sah selama 72 jam. Tanpanya, kami tidak menghantar apa-apa kepada anda.
confirm-mail-refuse = Jika itu bukan anda, anda tidak perlu berbuat apa-apa. Untuk memadamkan alamat anda serta-merta:
confirm-mail-refuse-link = Ini bukan saya, padamkan alamat saya
confirm-mail-drop = Jika itu bukan anda, anda tidak perlu berbuat apa-apa. Untuk membatalkan permintaan ini serta-merta:
confirm-mail-drop-link = Ini bukan saya, batalkan permintaan ini

## My data (self)

self-mail-subject = Pautan ke data anda – { $site }
self-mail-heading = Data anda di { $site }
self-mail-asked = Pada { $date }, pautan ke data anda ini telah diminta melalui halaman yang dipautkan daripada e-mel kami ke { $address }.
self-mail-button = Buka data saya
self-mail-expiry = Pautan itu boleh digunakan sekali sahaja, dalam masa satu jam.
self-mail-ignore = Jika anda tidak memintanya, anda tidak perlu berbuat apa-apa. Tiada sesiapa dapat melihat data anda tanpa pautan ini.
self-title = Data saya
self-intro = Inilah yang kami simpan tentang anda. Bagi e-mel yang dihantar kepada anda, hanya bilangannya ditunjukkan; senarainya turut disimpan. Halaman ini boleh dibuka sekali sahaja; minta pautan baharu di halaman untuk mengubah apa yang anda terima.
self-address = Alamat e-mel
self-former = Alamat e-mel sebelum pertukaran
self-asked-for = Alamat e-mel baharu, belum disahkan
self-language = Bahasa e-mel
self-since = Disimpan oleh kami sejak
self-mails = E-mel yang dihantar kepada anda
self-gets = Apa yang anda terima
self-paused = Dijeda: tiada apa-apa dihantar kepada anda.
self-nothing = Tiada apa-apa buat masa ini
self-consents = Apa yang anda persetujui, dan bila
self-consent-time = Bila
self-consent-what = Apa
self-consent-source = Bagaimana
self-consent-wording = Dengan kata-kata ini
self-consent-reason = Sebab
self-action-requested = Diminta: { $feed }
self-action-confirmed = Disahkan: { $feed }
self-action-changed = Diubah: { $feed }
self-action-ended = Ditamatkan: { $feed }
self-action-paused = Anda menjeda semua e-mel
self-action-resumed = Anda menamatkan jeda
self-source-form = Melalui borang di halaman kami
self-source-page = Melalui halaman di sebalik pautan dalam e-mel
self-source-mail = Melalui e-mel kepada kami
self-source-click = Melalui butang program mel
self-source-operator = Oleh kakitangan kami, untuk anda
self-source-system = Oleh sistem mel kami
self-source-rehearsal = Melalui senarai ujian, sebelum kami bermula
self-reason-left = Anda berhenti melanggan
self-reason-address = Anda mengubah alamat e-mel anda
self-reason-refused = Anda berkata itu bukan anda
self-reason-late = Tidak disahkan dalam masanya
self-reason-removed = Dikeluarkan oleh kakitangan kami
self-reason-rehearsal = Ujian kami tamat
self-reason-renamed = Berita ini kini bernama lain
self-kept-title = Apa yang disimpan, dan berapa lama
self-kept = Kami menyimpan alamat anda, pilihan anda dan rekod e-mel yang dihantar kepada anda, untuk menghantar apa yang anda minta dan untuk menunjukkan bahawa anda memintanya. Kami tidak merekodkan sama ada anda membuka e-mel atau mengikuti pautan di dalamnya.
self-kept-address = Alamat e-mel anda
self-kept-address-time = Sehingga anda meminta semuanya dipadamkan; berhenti melanggan sahaja tidak memadamkannya.
self-kept-other = Alamat sebelum pertukaran, atau yang belum disahkan
self-kept-other-time = 72 jam; alamat sebelum pertukaran lebih lama jika e-mel kepadanya masih dalam penghantaran.
self-kept-record = Apa yang anda pilih dan persetujui, dan e-mel yang dihantar kepada anda
self-kept-record-time = Selama rekod kami. Apabila semuanya dipadamkan, rekod itu kekal di bawah nombor yang tidak merujuk kepada sesiapa.
self-kept-asked = Bahawa kami meminta sesuatu alamat membuat pengesahan, tanpa alamat itu sendiri
self-kept-asked-time = 30 hari
self-change-title = Ubah alamat e-mel anda
self-change = Kami menghantar pautan ke alamat baharu. Semuanya kekal sehingga anda mengikuti pautan itu.
self-change-address = Alamat e-mel baharu
self-change-button = Hantar pautan kepada saya
self-change-sent = Jika kami boleh menghantar ke alamat baharu, e-mel dengan pautan sedang dihantar ke sana. Sehingga anda mengikutinya, e-mel dihantar ke alamat lama.
self-change-same = Ini ialah alamat yang kami gunakan sekarang.
self-erase-title = Padamkan semuanya
self-erase = Semua e-mel kepada anda dihentikan, dan alamat anda serta semua yang boleh dikaitkan dengan anda dipadamkan. Rekod persetujuan anda dan e-mel yang telah dihantar disimpan di bawah nombor sahaja, supaya tiada sesiapa lagi dapat mengetahui milik siapa. Ini tidak boleh dibatalkan.
self-erase-sure = Ya, padamkan semua yang boleh dikaitkan dengan saya
self-erase-unsure = Tandakan kotak di atas butang untuk memadamkan semuanya.
self-erase-button = Padamkan semuanya
self-used-title = Pautan ini telah digunakan
self-used = Untuk keselamatan anda, ia boleh digunakan sekali sahaja. Setiap e-mel kami berakhir dengan pautan untuk mengubah apa yang anda terima: minta pautan baharu di situ.
self-expired-title = Pautan ini sudah luput
self-expired = Untuk keselamatan anda, ia sah selama satu jam. Setiap e-mel kami berakhir dengan pautan untuk mengubah apa yang anda terima: minta pautan baharu di situ.

## Mail to the new address

change-mail-subject = Sahkan alamat e-mel baharu anda – { $site }
change-mail-heading = Sahkan alamat e-mel baharu anda
change-mail-asked = Pada { $date }, seseorang meminta supaya { $site } menghantar beritanya ke alamat ini, { $address }, dan bukan ke alamat lain.
change-mail-ask = Jika itu anda, buka halaman ini dan sahkan:
change-mail-button = Sahkan alamat baharu saya
change-mail-expiry = Pautan itu sah selama 72 jam. Sehingga itu, semuanya kekal.
change-mail-ignore = Jika itu bukan anda, anda tidak perlu berbuat apa-apa.
change-title = Sahkan alamat e-mel baharu anda
change-ask = Mulai sekarang, hantar apa yang saya terima ke { $address } dan bukan ke { $old }.
change-other = alamat yang satu lagi
change-button = Ya, gunakan alamat ini
change-done-title = Alamat e-mel anda telah diubah
change-done = Mulai sekarang kami menghantar apa yang anda terima ke { $address }. Kami memberitahu alamat lama juga.
change-taken-title = Alamat ini sudah didaftarkan
change-taken = { $address } sudah didaftarkan secara berasingan, jadi tiada apa-apa diubah, dan e-mel dihantar ke { $old } seperti sebelumnya. Jika anda tidak mahu menerimanya di sana, berhenti melanggan melalui pautan dalam mana-mana e-mel yang diterima di sana.
change-expired = Ia sah selama 72 jam. Tiada apa-apa diubah. Jika anda masih mahu menggunakan alamat lain, mintanya sekali lagi di tempat anda mengubah apa yang anda terima.

## Mail to the old address

changed-mail-subject = Alamat e-mel anda telah diubah – { $site }
changed-mail-heading = Alamat e-mel anda telah diubah
changed-mail-text = Pada { $date }, alamat yang digunakan oleh { $site } untuk menghantar berita telah diubah daripada alamat ini, { $address }, ke alamat lain. Tiada apa-apa lagi dihantar ke sini.
changed-mail-contact = Jika itu bukan anda, tulis kepada { $contact }.

## After everything was erased

goodbye-title = Data anda telah dipadamkan
goodbye = Semua e-mel kepada anda telah dihentikan. Alamat anda dan semua yang boleh dikaitkan dengan anda telah dipadamkan. Rekod persetujuan anda dan e-mel yang telah dihantar disimpan di bawah nombor sahaja, dan tiada sesiapa lagi dapat mengetahui milik siapa. E-mel yang sedang dalam penghantaran mungkin masih sampai.
goodbye-again = Jika suatu hari nanti anda mahu berita kami semula, anda dialu-alukan.

## Pages of feeds

feeds-title = Suapan berita
feeds-intro = Ikuti berita kami dalam pembaca suapan atau melalui e-mel. Buka suapan untuk melihat kandungannya dan menyalin alamatnya, atau berikan alamat halaman ini kepada pembaca anda.
feeds-subscribe = Terima berita kami melalui e-mel
feeds-list = Semua suapan dalam satu senarai (OPML)
feeds-by-name = Semua suapan mengikut nama
feeds-none = Belum ada suapan.
feed-back = Kembali
feed-all = Semua suapan berita
feed-subscribe = Terima melalui e-mel
feed-add-calendar = Tambah kalendar
feed-follow = Ikuti dalam pembaca suapan
feed-follow-calendar = Ikuti dalam pembaca suapan atau kalendar
feed-how = Salin alamat dan tambahkannya dalam program anda. Semua pembaca suapan menerima RSS atau Atom.
feed-how-calendar = Salin alamat dan tambahkannya dalam program anda. Semua pembaca suapan menerima RSS atau Atom; program kalendar menerima kalendar.
feed-copy = Salin
feed-copy-address = Salin alamat { $name }
feed-calendar = Kalendar
feed-upcoming = Acara akan datang
feed-add-event = Tambah ke kalendar
feed-no-events = Tiada acara dirancang buat masa ini.
feed-newest = Terbaharu
feed-nothing = Belum ada apa-apa diterbitkan. Yang akan datang akan muncul di sini dan dalam suapan.
feed-archives = Berita lama disimpan dalam { $count } arkib, yang diambil sendiri oleh pembaca suapan. Yang terbaharu: { $atom }, { $json }.
feed-archive-atom = arkib sebagai Atom
feed-archive-json = arkib sebagai JSON Feed
feed-copied = Alamat { $name } telah disalin.
feed-copy-failed = Pelayar anda tidak membenarkan kami menyalin. Sila pilih alamat itu dan salin sendiri.
feed-kind-all = siaran akhbar dan acara
feed-kind-release = siaran akhbar
feed-kind-event = acara
feed-that-are = yang merupakan { $kind }
feed-in-category = dalam kategori “{ $name }”
feed-tagged = bertanda “{ $name }”
feed-from-agency = daripada “{ $name }”
feed-in-language = dalam bahasa “{ $name }”
feed-and = { $one } dan { $other }
feed-or = { $one } atau { $other }
feed-both = { $all }, dan { $any }
feed-selects = Semua { $what }.
feed-selects-where = Semua { $what } { $where }.
feed-selects-except = Semua { $what }, kecuali yang { $except }.
feed-selects-where-except = Semua { $what } { $where }, kecuali yang { $except }.
feed-held-none = Belum ada apa-apa diterbitkan.
feed-held = { $count } entri, kali terakhir diubah pada { $day }.
feed-held-newest = Dokumennya mengandungi { $count } entri terbaharu; kali terakhir diubah pada { $day }.
feed-held-archived = Dokumennya mengandungi { $count } entri terbaharu, dan arkib mengandungi semua yang lebih lama; kali terakhir diubah pada { $day }.
