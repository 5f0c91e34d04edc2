// Package btest runs tests written for BTest, the test driver that Zeek's own
// tests and its packages' tests are written for: files with lines like
//
//	# @TEST-EXEC: zeek -r $TRACES/smtp.trace %INPUT
//	# @TEST-EXEC: btest-diff smtp.log
//
// so that a site can keep its tests and baselines and run them with gzeek.
// Beside the driver it has the helpers that such tests call: btest-diff,
// btest-bg-run, btest-bg-wait and btest-progress ([Helper]).
//
// It follows BTest 0.72's manual and behaviour. It does not measure execution
// times (@TEST-MEASURE-TIME is accepted and has no effect), has no Sphinx
// mode, and prints no documentation of tests.
//
// The folder of this package is also the project's own suite of such tests:
// btest.cfg, smtp/ and Baseline/.
package btest
