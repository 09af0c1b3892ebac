"""Passwords that turn up in leaks again and again: the twenty thousand commonest, and long ones.

The former are Django's list (``common-passwords.txt.gz``, its licence beside it), most of them
shorter than we allow; they matter as what is left when digits and punctuation are taken away. The
long ones are written out here. Repetitions and runs along the keyboard are found by rule.
"""

from __future__ import annotations

import gzip
from functools import cache
from importlib.resources import files

LEAKED_FILE = "common-passwords.txt.gz"


def is_common(text: str) -> bool:
    """Whether this lower-case text is one of them."""
    return text in LONG or text in leaked()


@cache
def leaked() -> frozenset[str]:
    """Read when the first password is chosen, not when the program starts."""
    packed = files(__package__).joinpath(LEAKED_FILE).read_bytes()
    return frozenset(gzip.decompress(packed).decode().split("\n")) - {""}


LONG = frozenset(
    """
    1111222233334444 111222333444555 112233445566778899 1122334455667788 12121212121212
    122333444455555 123123123123123 1231231231231234 1234512345123451 1234554321123455
    123456123456123456 12345678900987654321 1234567890abcdef 1234567890qwerty
    1234567890qwertyuiop 12345678987654321 1234567887654321 123456789987654321
    123456789qwerty 123456789qwertyuiop 12345qwertasdfg 1234qwerasdfzxcv 123qweasdzxcrty
    123qweasdzxc123 147258369147258369 147258369963852741 159357159357159 1a2b3c4d5e6f7g8h
    1q2w3e4r5t6y7u8i 1q2w3e4r5t6y7u8i9o 1q2w3e4r5t6y7u8i9o0p 1qa2ws3ed4rf5tg
    1qa2ws3ed4rf5tg6yh 1qaz2wsx3edc4rfv 1qaz2wsx3edc4rfv5tgb 1qazxsw23edcvfr4
    1qazxsw23edcvfr45tgb 3edc4rfv5tgb6yhn 741852963741852 789456123789456 98765432109876543210
    987654321987654321 9876543210987654 a1b2c3d4e5f6g7h8 a1s2d3f4g5h6j7k8 aaaabbbbccccdddd
    aabbccddeeffgghh abc123abc123abc123 abc123def456ghi789 abcd1234abcd1234 abcdefg12345678
    abcdefg123456789 abcdefgh12345678 abcdefghijklmno administrator administrator1
    administrator123 administrator1234 administratoradmin adminadminadmin adminadminadminadmin
    adminpassword adminpassword1 adminpassword123 adminpassword1234 allyouneedislove
    allyourbasearebelongtous america123456789 areyoukiddingme asdfasdfasdfasdf asdfghjkl123456
    asdfghjkl123456789 asdfghjklqwertyuiop asdfjklasdfjkl asdfqwerzxcv1234 avengersassemble
    bananabananabanana barcelona123456 basketball12345 beamerboy123456 beautifulgirl123
    becauseilovejesus believeinyourself bismillah123456 bismillahirrahman bismillahirrohmanirrohim
    blessedbethename bpgjldsgjldthnf braziliansoccer bubblegumbubblegum butterfly123456
    cambridgeanalytica carpediem123456 changemechangeme changemeplease changemenow123
    changethispassword charlie123456789 chelseafootballclub chickenandwaffles chocolatechipcookie
    christianoronaldo christopher12345 columbiauniversity computer123456789 correctbatteryhorsestaple
    correcthorsebattery correcthorsebatterystaple counterstrike16 counterstrikeglobaloffensive
    cristianoronaldo cristianoronaldo7 dallascowboys123 dallascowboysfan defaultpassword
    defaultpassword1 deutschland12345 dontforgetme123 donttouchmyphone doyouknowwhoiam
    dragonballsuper dragonballz12345 dragondragondragon drowssapdrowssap elephantelephant
    everythingisawesome exampleexample facebookfacebook facebookpassword fernandoalonso
    finalfantasyvii finalfantasyxiii followyourdreams football123456789 footballfootball
    forgetmenot12345 forgotmypassword forzajuventus123 fuckyoufuckyou fuckyoufuckyoufuckyou
    galatasaray1905 gameofthrones123 gameofthronesgot godhelpmeplease godisgoodallthetime
    godisgreat12345 goodmorning12345 googlegooglegoogle grandtheftauto5 grandtheftautov
    guestguestguest hakunamatata123 happybirthday123 happybirthdaytoyou harrypotter12345
    hellohellohello hellokitty123456 helloworld12345 helloworldhelloworld heythereitsme
    hogwarts12345678 hollywoodundead iamthebestintheworld iamthebestever1 iamthegreatest1
    ihatemylife12345 ihavenoidea12345 ihavethepower12 ilovechocolate ilovechocolate1 iloveeveryone123
    ilovefootball123 iloveicecream123 ilovejesuschrist ilovejesusforever ilovejustinbieber
    ilovemyboyfriend ilovemyboyfriend1 ilovemychildren ilovemydaughter ilovemyfamily12
    ilovemyfamily123 ilovemyfriends ilovemyfriends1 ilovemygirlfriend ilovemyhusband ilovemyhusband1
    ilovemykids12345 ilovemymom12345 ilovemymother12 ilovemyparents ilovemysister12 ilovemywife12345
    iloveonedirection iloveyou12345678 iloveyou123456789 iloveyou4ever iloveyoualways
    iloveyoubaby123 iloveyouforever iloveyoumommy12 iloveyousomuch iloveyousomuch1 iloveyouverymuch
    imsexyandiknowit indonesiaraya45 ingodwetrust123 internationalgeographic itsnoneofyourbusiness
    jesuschrist12345 jesuschristislord jesusismylord12 jesusismysavior jesusismysaviour jesuslovesme123
    jesussaves12345 justanotherday1 justinbieber123 justintimberlake keepcalmandcarryon killerkiller123
    kingkingkingking lakersbasketball leagueoflegends leagueoflegends1 leagueoflegends123
    leonardodicaprio letmeinletmein letmeinletmein1 letmeinletmeinletmein letmeinplease
    letmeinplease123 liverpoolfootballclub lhbjkjubz2957704 livelaughlove123 livelovelaugh123
    lordoftherings lordoftherings1 lordoftherings123 lorem1psumd0lor loremipsumdolor loremipsumdolorsitamet
    lovelovelovelove loveyouforever1 mailcreated5240 manchestercity1 manchesterunited
    manchesterunited1 manchesterunited123 mariahcarey12345 masterpassword masterpassword1
    maythe4thbewithyou maytheforcebewithyou merrychristmas1 metallicametallica michaeljackson1
    michaeljackson123 michaeljordan23 minecraft123456 minecraftminecraft monkey123456789
    monkeymonkeymonkey mortalkombat123 mothermothermother muhammad123456789 mynameisearlgrey
    mynameisjohnny1 mynewpassword12 mypassword12345 mypassword123456 mypasswordis123
    mypasswordispassword mysecretpassword needforspeedmostwanted neverforgetthis nevergiveup1234
    nevergonnagiveyouup newpassword1234 newpassword12345 nopasswordneeded nothingelsematters
    onceuponatime123 onedirection1234 onedirection12345 onelove12345678 onetwothreefour
    onetwothreefour5 onetwothreefourfive ourfatherwhoartinheaven p4ssw0rdp4ssw0rd passpasspasspass
    passw0rdpassw0rd password0123456 password1234567 password12345678 password123456789
    password1234567890 password123password password1password passwordpassword passwordpassword1
    passwordpassword123 passwordstandard peanutbutter123 peanutbutterjelly pleaseletmein123
    pokemonpokemon1 polniypizdec0211 polniypizdec110211 praisethelord12 princess123456789
    princessprincess q1w2e3r4t5y6u7i8 q1w2e3r4t5y6u7i8o9 q1w2e3r4t5y6u7i8o9p0 qazwsx123456789
    qazwsxedc123456 qazwsxedcrfvtgb qazwsxedcrfvtgbyhn qazwsxedcrfvtgbyhnujm qqqqwwwweeeerrrr
    qwaszxqwaszxqwaszx qweasdzxc123456 qweasdzxc123456789 qweasdzxcqweasdzxc qweqweqweqwe123
    qwerty1234567890 qwerty123456789 qwerty12345678 qwertyasdfghzxcvbn qwertyqwerty123
    qwertyqwertyqwerty qwertyuiop12345 qwertyuiop123456 qwertyuiop123456789 qwertyuiop1234567890
    qwertyuiopasdfgh qwertyuiopasdfghjkl qwertyuiopasdfghjklzxcvbnm qwertyuiopqwertyuiop
    qwertzuiopasdfgh qwertasdfgzxcvb rainbowrainbow1 rammsteinrammstein realmadrid12345
    realmadridcf2012 redhotchilipeppers resetmypassword resetpassword123 rockandroll1234
    rootrootrootroot samsungsamsung123 scoobydoobydoo12 secretpassword secretpassword1
    secretsecretsecret september11th2001 shadowshadowshadow showmethemoney1 slipknotslipknot
    spongebobsquarepants spongebob1234567 starwarsstarwars stairwaytoheaven summersummer2024
    sunshine123456789 sunshinesunshine superadministrator supermansuperman supersecretpassword
    superstar1234567 systemofadown12 taylorswift12345 temporarypassword temporarypassword1 temppassword123
    teststestteststest testpassword123 testtesttesttest thankyoujesus12 thankyouverymuch
    thebeatles12345 thebestisyettocome thequickbrownfox thequickbrownfoxjumps
    thequickbrownfoxjumpsoverthelazydog theskyisthelimit thisisapassword thisisapassword1
    thisisasecret12 thisisaverylongpassword thisismypassword thisismypassword1 thisisnotapassword
    thisispassword1 thisissparta300 timberlake12345 tobeornottobe12 tobeornottobethatisthequestion
    toyotatoyota1234 trustno1trustno1 trustnoonetrustnoone twinkletwinklelittlestar
    universitystudent unitedstatesofamerica usernameusername valentinorossi46 vfhbyfvfhbyfvfhbyf
    volkswagenpassat welcome123456789 welcometothejungle welcomewelcome1 welcomewelcome123
    whatismypassword whatsyourname12 whatthehell1234 whoami1234567890 whoopsididitagain
    winteriscoming1 winteriscoming123 wonderfulworld1 worldofwarcraft worldofwarcraft1
    worldofwarcraft123 xboxlive12345678 yourpasswordhere youwillneverguess youwillneverwalkalone
    youllneverwalkalone zaq12wsxcde34rfv zaq1xsw2cde3vfr4 zaq1zaq1zaq1zaq1 zaqxswcdevfrbgt
    zxcvbnm123456789 zxcvbnmasdfghjkl zxcvbnmasdfghjklqwertyuiop zxcvbnmzxcvbnm12
    """.split()  # noqa: SIM905 - five hundred quotes would hide the words
)
