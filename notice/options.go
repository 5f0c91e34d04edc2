package notice

import "github.com/gzeek/gzeek/redef"

// options are those of main.zeek, and the one of base/utils/site that only
// mails need.
type options struct {
	suppressionInterval  *redef.Interval
	suppressionIntervals *redef.EnumIntervals
	ignored              *redef.EnumSet
	emailed              *redef.EnumSet
	alarmed              *redef.EnumSet
	notSuppressed        *redef.EnumSet

	sendmail          *redef.String
	mailDest          *redef.String
	mailFrom          *redef.String
	replyTo           *redef.String
	mailSubjectPrefix *redef.String
	maxEmailDelay     *redef.Interval

	localAdmins *redef.SubnetStringSet
}

func (f *Framework) declareOptions(o *redef.Registry) {
	f.types = o.EnumType("Notice::Type").Add("Notice::Tally")
	f.opt = options{
		suppressionInterval:  o.Interval("Notice::default_suppression_interval", 3600, "how long notices like one are suppressed after it, 0 is not at all"),
		suppressionIntervals: o.EnumIntervals("Notice::type_suppression_intervals", "Notice::Type", nil, "how long notices of a type are suppressed"),
		ignored:              f.typeSet("Notice::ignored_types", "types that nothing is done about"),
		emailed:              f.typeSet("Notice::emailed_types", "types that are mailed"),
		alarmed:              f.typeSet("Notice::alarmed_types", "types that are alarms"),
		notSuppressed:        f.typeSet("Notice::not_suppressed_types", "types that are never suppressed"),

		sendmail:          o.String("Notice::sendmail", "/usr/sbin/sendmail", "program that sends mails"),
		mailDest:          o.String("Notice::mail_dest", "", "where notices and alarms are mailed to; empty is nowhere"),
		mailFrom:          o.String("Notice::mail_from", "Zeek <zeek@localhost>", "From of mails"),
		replyTo:           o.String("Notice::reply_to", "", "Reply-To of mails; empty is none"),
		mailSubjectPrefix: o.String("Notice::mail_subject_prefix", "[Zeek]", "what subjects of mails begin with"),
		maxEmailDelay:     o.Interval("Notice::max_email_delay", 15, "how long mails may be held back by what extends them"),

		localAdmins: o.SubnetStringSet("Site::local_admins", nil, "mail addresses of who administers a network"),
	}
}

func (f *Framework) typeSet(name, doc string) *redef.EnumSet {
	return f.ctx.Options.EnumSet(name, "Notice::Type", nil, doc)
}
