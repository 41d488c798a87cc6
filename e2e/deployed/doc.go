// Package deployed tests properties of a deployed stack that the scripts of
// package e2e cannot observe through the API: the purge follows the table's
// stream, events reach the bus, functions make exactly the calls that their
// policies allow, and the processed template keeps the settings that emulators
// accept but ignore.
//
// The tests need a deployment and have the build tag e2e. If something that they
// need is missing, they fail; they do not skip. e2e/run provides everything:
//
//	.deploy/localstack.env   written by make deploy ENV=localstack and sourced
//	PROCESSED                file with the processed template (aws cloudformation get-template)
//	CALLS                    file that e2e/recorder wrote while the suite ran
package deployed
