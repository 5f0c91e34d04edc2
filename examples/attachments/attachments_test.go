package attachments

import (
	"testing"

	"github.com/gzeek/gzeek/engine/enginetest"
)

func baseline(name string) string { return "../../testdata/baselines/" + name + "/input.pcap" }

var mails = []string{baseline("R-postfix-submission-nodemailer"), baseline("R-postfix-bdat-from-exim")}

func TestLogs(t *testing.T) {
	enginetest.Run{
		Captures: mails,
		Policies: []string{"site/attachment-denylist"},
		Settings: []string{`Attachments::denied_types+={"application/zip","application/pdf"}`, `Attachments::denied_extensions+={"docx","zip"}`},
	}.Compare(t, "testdata", "files", "notice")
}

func TestNothingIsDeniedByDefaultHere(t *testing.T) {
	res, err := enginetest.Run{Captures: mails, Policies: []string{"site/attachment-denylist"}}.Do()
	if err != nil {
		t.Fatal(err)
	}
	if log := res.Logs["notice"]; log != "" {
		t.Errorf("notices:\n%s", log)
	}
}
