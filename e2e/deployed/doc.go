// Package deployed holds tests of a deployment that the scripts of package e2e
// cannot see through its address: that the purge follows the table's stream,
// that functions do what their policies allow and nothing else, and that the
// template, as it was transformed and deployed, says what emulators accept and
// ignore.
//
// They need a deployment and are built only with the tag `e2e`; what they
// miss makes them fail, not skip. e2e/run sets it all up:
//
//	.deploy/localstack.env   written by make deploy ENV=localstack, in the environment
//	PROCESSED                file with the processed template (aws cloudformation get-template)
//	CALLS                    file of e2e/recorder, written while the suite ran
package deployed
