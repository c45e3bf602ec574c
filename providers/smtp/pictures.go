package smtp

import "carillon/providers/mail"

// appendPicture appends the fields and the content of a picture.
func appendPicture(b []byte, p mail.Picture) []byte {
	b = append(append(b, "Content-Type: image/"...), p.Kind...)
	b = append(append(b, "\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: inline\r\nContent-ID: <"...), p.ID...)
	b = append(b, ">\r\n\r\n"...)
	return appendBase64(b, p.Content)
}

// appendRelated appends an HTML part with its pictures.
func appendRelated(b []byte, messageID int64, html part, pictures []mail.Picture) []byte {
	if len(pictures) == 0 {
		return html.append(b)
	}
	boundary := boundaryFor("=_r", messageID, html)
	b = append(append(b, "Content-Type: multipart/related; type=\"text/html\";\r\n boundary=\""...), boundary...)
	b = append(append(b, "\"\r\n\r\n--"...), boundary...)
	b = html.append(append(b, "\r\n"...))
	for _, p := range pictures {
		b = append(append(b, "\r\n--"...), boundary...)
		b = appendPicture(append(b, "\r\n"...), p)
	}
	b = append(append(b, "\r\n--"...), boundary...)
	return append(b, "--\r\n"...)
}
