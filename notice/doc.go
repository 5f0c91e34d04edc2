// Package notice is the notice framework: policies say that something is worth
// noticing (Raise), the site's policy says what becomes of it, and notice.log,
// notice_alarm.log and mails tell.
//
// One notice goes this way, all of it at once, inside Raise:
//
//	suppressed?  suppress.go   one like it came a moment ago: only the event Notice::suppressed
//	filled       framework.go  time, connection, file, addresses
//	policy       framework.go  the hook Notice::policy decides on actions and suppression
//	notice       framework.go  the hook Notice::notice acts: mail.go, alarms.go, geodata.go, admins.go,
//	                           then the logs, then suppression begins
//
// The package has no notice of its own to give, except that it declares
// Notice::Tally as Zeek does; types belong to the policies that raise them. The
// framework's companion for weirds is package policy/weird.
//
// A Framework belongs to one run and one goroutine. Only sendmail and name
// lookups, which exist in live runs alone, happen elsewhere.
//
// Zeek: scripts/base/frameworks/notice/{main,actions/*}.zeek and
// scripts/policy/frameworks/notice.
package notice
