// Package sqsbatch answers the batches of messages that Lambda reads from an SQS queue
// (docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
package sqsbatch

import "github.com/aws/aws-lambda-go/events"

// Each calls done for each message of a batch, in order, and reports those for which it
// returns false, so that the queue delivers only these again (ReportBatchItemFailures). i is
// the index of the message.
func Each(e events.SQSEvent, done func(i int, m *events.SQSMessage) bool) events.SQSEventResponse {
	answer := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for i := range e.Records {
		if m := &e.Records[i]; !done(i, m) {
			answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
	}
	return answer
}
