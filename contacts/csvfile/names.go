package csvfile

import (
	"slices"
	"strings"
	"sync"
	"unicode"

	"carillon/contacts/value"
	"carillon/providers"
)

// The ranks of a column's name among those of its field; the lowest wins.
const (
	rankOwn    = 0 // the field's own name
	rankFirst  = 1 // what is meant where there are several: the mobile phone
	rankName   = 2 // its usual words
	rankSecond = 3 // a further one of its kind: the phone at work, a second address
	rankEmpty  = 10
)

// usualNames are the words by which columns are known, squashed (see squash).
type usualNames struct {
	field Field
	rank  int
	words string
}

// synonyms lists them in English, German, Spanish, French, Italian, Portuguese,
// Dutch, Polish, Czech, Slovak, Swedish, Danish, Norwegian, Finnish, Hungarian,
// Romanian, Turkish, Russian, Ukrainian, Greek, Japanese, Chinese and Korean,
// and as the exports of address books and mail programs have them.
//
//nolint:misspell // The linter reads other languages as English.
func synonyms() []usualNames {
	return []usualNames{
		{FieldExternalID, rankFirst, `extid externalcontactid`},
		{FieldExternalID, rankName, `externalid id contactid customerid customernumber customerno clientid userid memberid
			membernumber subscriberid uid uuid identifier
			kundennummer kundennr kundenid mitgliedsnummer
			idcliente clienteid numerocliente numerodecliente codigocliente identificador
			idclient numeroclient numerodeclient identifiant codicecliente identificativo
			klantnummer klantid numerklienta idklienta cislozakaznika kundnummer asiakasnumero ugyfelszam musterino musterinumarasi`},
		{FieldName, rankName, `name fullname displayname contactname customername personname billingname
			vollername vollstandigername kontaktname anzeigename
			nombrecompleto nombreyapellido nombreyapellidos nomcomplet nometprenom prenometnom
			nomecompleto nominativo nomeecognome nomeesobrenome
			naam volledigenaam imieinazwisko jmenoaprijmeni celejmeno menoapriezvisko
			namn fullstandigtnamn navn fuldenavn fulltnavn nimi kokonimi nev teljesnev numecomplet
			adsoyad adisoyadi adivesoyadi isimsoyisim фио имяфамилия полноеимя ονοματεπωνυμο
			氏名 お名前 名前 姓名 이름 성명`},
		{FieldFirstName, rankName, `firstname fname givenname forename vorname rufname
			nombre nombredepila primernombre prenom nome primonome primeironome
			voornaam imie jmeno krestnijmeno meno fornamn fornavn etunimi keresztnev utonev prenume
			adi isim имя імя ονομα 名`},
		{FieldLastName, rankName, `lastname lname surname familyname nachname familienname zuname
			apellido apellidos nom nomdefamille cognome sobrenome apelido
			achternaam familienaam nazwisko prijmeni priezvisko efternamn efternavn etternavn sukunimi
			vezeteknev csaladinev numedefamilie soyad soyadi soyisim фамилия прізвище επωνυμο 姓 성`},
		{FieldEmail, rankName, `email mail emailaddress mailaddress emailid primaryemail emailprimary useremail youremail youremailaddress customeremail
			contactemail personemail ihreemailadresse deineemailadresse
			emailadresse mailadresse
			correo correoelectronico direcciondecorreo direcciondecorreoelectronico direccionemail
			courriel adresseemail adressemail adresseelectronique adressecourriel adressedemessagerie
			indirizzoemail indirizzomail postaelettronica indirizzodipostaelettronica
			enderecodeemail enderecoemail correioeletronico correioelectronico enderecoeletronico
			emailadres mailadres adresemail adresmailowy adresemailowy adrespocztyelektronicznej pocztaelektroniczna
			emailovaadresa epost epostadress epostadresse mailadress sahkoposti sahkopostiosoite emailcim epostacim
			adresadeemail adresaemail eposta epostaadresi mailadresi elektronikposta
			почта электроннаяпочта адресэлектроннойпочты емейл имейл електроннапошта ηλεκτρονικοταχυδρομειο
			メールアドレス メール 電子メール 电子邮件 电子邮箱 邮箱 邮箱地址 電子郵件 이메일 이메일주소 전자우편`},
		{FieldEmail, rankSecond, `workemail businessemail companyemail billingemail shippingemail personemailwork personemailhome personemailother homeemail
			personalemail privateemail otheremail
			secondaryemail secondemail additionalemail alternateemail alternativeemail
			emailprivat privateemailadresse emailgeschaftlich geschaftlicheemail emailberuflich emailarbeit zweiteemail
			correopersonal correosecundario emailpersonnel emailprofessionnel emailpersonale emailsecundario`},
		{FieldPhone, rankFirst, `mobile mobilephone mobilenumber mobileno personphonemobile cell cellphone cellular cellnumber mobilephonenumber
			handy handynummer handynr mobil mobiltelefon mobilnummer mobilfunk mobilfunknummer natel
			movil telefonomovil numeromovil celular numerodecelular telefonocelular
			telephoneportable telephonemobile portable gsm telmobile telportable
			cellulare telefonocellulare numerocellulare telemovel telefonecelular
			mobiel mobielnummer mobielenummer telefoonmobiel telefonkomorkowy numerkomorkowy komorka komorkowy
			mobilnitelefon mobilnytelefon mobiltelefonnummer mobilnummer matkapuhelin matkapuhelinnumero
			mobiltelefonszam telefonmobil ceptelefonu cep ceptel ceptelefonnumarasi
			мобильный мобильныйтелефон мобільний κινητο 携帯 携帯電話 携帯番号 携帯電話番号 手机 手机号 手机号码 手機 휴대폰 휴대전화 휴대폰번호`},
		{FieldPhone, rankName, `phone phonenumber phoneno telephone telephonenumber tel telno telnr msisdn e164 primaryphone
			telefon telefonnummer telefonnr rufnummer
			telefono telefonos numerodetelefono numerodetelephone numerotelephone numeroditelefono
			telefone numerodetelefone
			telefoon telefoonnummer numertelefonu telefonnicislo telefonnecislo cislotelefonu telefonnumer
			telefonszam telefonnumarasi telefonno numardetelefon puhelin puhelinnumero
			телефон номертелефона номертелефону τηλεφωνο 電話 電話番号 电话 电话号码 電話號碼 전화 전화번호 연락처`},
		{FieldPhone, rankSecond, `homephone businessphone workphone officephone companyphone otherphone landline landlinenumber
			defaultaddressphone billingphone shippingphone personphonework personphonehome personphoneother phonehome phonework
			telefongeschaftlich geschaftlichestelefon telefonprivat weiterestelefon haupttelefon festnetz festnetznummer
			telefonodeltrabajo telefonoparticular telephonebureau telephonedomicile telephonefixe fixe
			telefonoufficio telefonoabitazione telefonefixo telefonecomercial telefoonwerk telefoonthuis`},
		{Field(providers.SMS), rankName, `smsnumber smsnummer`},
		{Field(providers.WhatsApp), rankName, `whatsappnumber whatsappnummer whatsappphone numerowhatsapp numerodewhatsapp waid`},
		{FieldLanguage, rankName, `language lang locale languagecode preferredlanguage
			sprache sprachcode bevorzugtesprache idiomapreferido langueprivilegiee linguapreferita idioma lengua langue lingua linguagem
			taal taalcode voorkeurstaal jezyk jazyk sprak sprog kieli nyelv limba dil язык мова γλωσσα 言語 语言 語言 언어`},
		{FieldTimezone, rankName, `timezone tz timezoneid zeitzone zonahoraria husohorario
			fuseauhoraire fuseau fusoorario fusohorario contacttimezone
			tijdzone strefaczasowa casovepasmo tidszon tidszone tidssone aikavyohyke idozona fusorar saatdilimi часовойпояс часовийпояс タイムゾーン 时区 시간대`},
		{FieldCountry, rankName, `country countrycode countryiso isocountry nation countryregion
			land landescode landercode laenderkennzeichen landregion pais codigopais codigodepais
			paisregion pays paysregion codepays paese codicepaese nazione codigodopais
			landcode kraj kodkraju zeme krajina maa orszag tara ulke страна країна χωρα 国 国名 国家 國家 국가`},
		{FieldCountry, rankSecond, `mailingcountry billingcountry othercountry homecountry workcountry shippingcountry homecountryregion businesscountry
			businesscountryregion
			othercountryregion addresscountry defaultaddresscountrycode landregiongeschaftlich landregionprivat weitereslandregion`},
	}
}

// namedField is what a column's name says.
type namedField struct {
	field Field
	rank  int
}

// knownNames are the fields by the names of columns.
var knownNames = sync.OnceValue(func() map[string]namedField {
	known := make(map[string]namedField)
	for _, names := range synonyms() {
		for n := range strings.FieldsSeq(names.words) {
			known[value.Squash(n)] = namedField{names.field, names.rank}
		}
	}
	for _, f := range Fields() {
		// The others have names of several words, which are known as synonyms.
		if _, ok := known[value.Squash(string(f))]; ok || slices.Contains(exactNames(), f) {
			known[value.Squash(string(f))] = namedField{f, rankOwn}
		}
	}
	return known
})

// fieldByName finds the field that a header names by itself, and how well. A
// number in it counts columns of one kind (Phone 2, E-mail 1 - Value).
func fieldByName(header string) (f Field, rank int) {
	known := knownNames()
	if n, ok := known[value.Squash(header)]; ok {
		return n.field, n.rank
	}
	// "Phone (E.164)", "E-mail [required]", "Telefon (privat)", "Telefon (mobil)".
	if i := strings.IndexAny(header, "(["); i > 0 {
		if n, ok := known[value.Squash(header[:i])]; ok {
			inner := known[value.Squash(header[i:])]
			if n.rank == rankOwn || inner.field == n.field && inner.rank == rankFirst {
				return n.field, rankFirst
			}
			return n.field, rankSecond
		}
	}
	number := ""
	words := strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			number += string(r)
			return -1
		}
		return r
	}, header)
	n, ok := known[strings.TrimSuffix(value.Squash(words), "value")]
	switch {
	case !ok || number == "" || n.field != FieldEmail && n.field != FieldPhone && n.field != FieldCountry:
		return "", 0
	case number == "1":
		return n.field, max(n.rank, rankName)
	}
	return n.field, rankSecond
}
