package dynamo

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// TableInput defines a table with this package's layout, for tests and
// benchmarks. template.yaml creates the deployed table and adds settings that an
// emulator does not need (TTL, backups, encryption). A test compares the two.
func TableInput(name string) *dynamodb.CreateTableInput {
	in := &dynamodb.CreateTableInput{
		TableName:   &name,
		BillingMode: types.BillingModePayPerRequest,
		KeySchema:   keySchema(attrAccount, attrID),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{
			index(indexByCreated, attrAccount),
			index(indexByUser, attrAccountOwner),
		},
	}
	for _, name := range []string{attrAccount, attrID, attrCreatedID, attrAccountOwner} {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: &name, AttributeType: types.ScalarAttributeTypeS,
		})
	}
	return in
}

func index(name, partition string) types.GlobalSecondaryIndex {
	return types.GlobalSecondaryIndex{
		IndexName: &name, KeySchema: keySchema(partition, attrCreatedID),
		Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
	}
}

func keySchema(partition, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: &partition, KeyType: types.KeyTypeHash},
		{AttributeName: &sort, KeyType: types.KeyTypeRange},
	}
}
