package dynamo

import "net/http"

// transact executes a TransactWriteItems, unless one with its token has taken effect.
func (e *emulator) transact(in *request) (int, attributes) {
	if e.done[in.ClientRequestToken] {
		return http.StatusOK, attributes{}
	}
	failed := false
	reasons := make([]attributes, len(in.TransactItems))
	for i, part := range in.TransactItems {
		for _, w := range part {
			reasons[i] = attributes{"Code": "None"}
			if w.ConditionExpression == "" || evaluate(w.ConditionExpression, e.items[w.at()], w.ExpressionAttributeValues) {
				continue
			}
			failed = true
			reasons[i] = attributes{"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
			if old := e.items[w.at()]; old != nil && w.ReturnValuesOnConditionCheckFailure == "ALL_OLD" {
				reasons[i]["Item"] = old
			}
		}
	}
	if failed {
		return http.StatusBadRequest, attributes{
			"__type":  "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
			"Message": "Transaction cancelled", "CancellationReasons": reasons,
		}
	}
	for _, part := range in.TransactItems {
		for kind, w := range part {
			if kind != "ConditionCheck" {
				e.past[w.at()] = e.items[w.at()]
			}
			switch kind {
			case "Put":
				e.items[w.at()] = w.Item
			case "Delete":
				delete(e.items, w.at())
			}
		}
	}
	e.done[in.ClientRequestToken] = true
	return http.StatusOK, attributes{}
}

// at returns the key of the item that a part of a transaction is about.
func (r *request) at() string {
	if r.Item != nil {
		return keyOf(r.Item)
	}
	return keyOf(r.Key)
}
