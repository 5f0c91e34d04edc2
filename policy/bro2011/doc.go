// Package bro2011 is the policy set bro-2011: the SMTP script of Bro as of 25
// June 2011, from which base/protocols/smtp of today's Zeek descends. It does
// what that script says, its oddities included, on today's events and today's
// notice framework. docs/bro-2011.md walks through it.
//
//	options.go    the options of the script and of its companion smtp/detect
//	record.go     the records Info and State, and the columns of smtp.log
//	session.go    when a record begins, is written, and is done
//	envelope.go   smtp_request and smtp_reply
//	message.go    smtp_data: header fields, file names, the path of Received fields
//	addresses.go  IP addresses in text, as utils/addrs found them then
//	layout.go     logs in the layout of that time
//
// It takes the place of base/protocols/smtp and cannot be loaded beside it.
package bro2011
