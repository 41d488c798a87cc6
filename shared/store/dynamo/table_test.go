package dynamo

import (
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"gopkg.in/yaml.v3"
)

// TestTableMatchesTheTemplate compares TableInput with the deployed table.
func TestTableMatchesTheTemplate(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	type keys []struct {
		AttributeName string `yaml:"AttributeName"`
		KeyType       string `yaml:"KeyType"`
	}
	var template struct {
		Resources struct {
			Table struct {
				Properties struct {
					BillingMode          string `yaml:"BillingMode"`
					AttributeDefinitions []struct {
						AttributeName string `yaml:"AttributeName"`
						AttributeType string `yaml:"AttributeType"`
					} `yaml:"AttributeDefinitions"`
					KeySchema              keys `yaml:"KeySchema"`
					GlobalSecondaryIndexes []struct {
						IndexName  string `yaml:"IndexName"`
						KeySchema  keys   `yaml:"KeySchema"`
						Projection struct {
							ProjectionType string `yaml:"ProjectionType"`
						} `yaml:"Projection"`
					} `yaml:"GlobalSecondaryIndexes"`
					TimeToLiveSpecification struct {
						AttributeName string `yaml:"AttributeName"`
					} `yaml:"TimeToLiveSpecification"`
				} `yaml:"Properties"`
			} `yaml:"Table"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	schema := func(k keys) (out []types.KeySchemaElement) {
		for _, e := range k {
			out = append(out, types.KeySchemaElement{AttributeName: &e.AttributeName, KeyType: types.KeyType(e.KeyType)})
		}
		return out
	}
	p := template.Resources.Table.Properties
	name := "recordings"
	want := &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingMode(p.BillingMode), KeySchema: schema(p.KeySchema),
	}
	for _, a := range p.AttributeDefinitions {
		want.AttributeDefinitions = append(want.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: &a.AttributeName, AttributeType: types.ScalarAttributeType(a.AttributeType),
		})
	}
	for _, g := range p.GlobalSecondaryIndexes {
		want.GlobalSecondaryIndexes = append(want.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: &g.IndexName, KeySchema: schema(g.KeySchema),
			Projection: &types.Projection{ProjectionType: types.ProjectionType(g.Projection.ProjectionType)},
		})
	}
	ignore := cmpopts.IgnoreUnexported(
		dynamodb.CreateTableInput{}, types.KeySchemaElement{}, types.AttributeDefinition{},
		types.GlobalSecondaryIndex{}, types.Projection{},
	)
	if diff := cmp.Diff(want, TableInput(name), ignore); diff != "" {
		t.Errorf("TableInput, -template.yaml +got: %s", diff)
	}
	if got := p.TimeToLiveSpecification.AttributeName; got != attrExpires {
		t.Errorf("the template's TTL attribute is %q, want %q", got, attrExpires)
	}
}
