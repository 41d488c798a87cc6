// Command provision creates the table and the bucket of template.yaml in an
// emulator, for tests that do not need the whole stack. It reads the template, so
// the tests use the same settings as a deployment.
//
//	provision -endpoint http://127.0.0.1:4566 -table T -bucket B
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"gopkg.in/yaml.v3"
)

func main() {
	endpoint := flag.String("endpoint", "", "the emulator's `URL`")
	table := flag.String("table", "", "`name` of the table")
	bucket := flag.String("bucket", "", "`name` of the bucket")
	path := flag.String("template", "template.yaml", "the template's `file`")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, *endpoint, *table, *bucket, *path); err != nil {
		fmt.Fprintln(os.Stderr, "provision:", err)
		cancel()
		os.Exit(1)
	}
}

// template is the part of template.yaml that provision creates.
type template struct {
	Resources struct {
		Table struct {
			Properties struct {
				AttributeDefinitions   []attribute `yaml:"AttributeDefinitions"`
				KeySchema              keySchema   `yaml:"KeySchema"`
				GlobalSecondaryIndexes []struct {
					IndexName  string    `yaml:"IndexName"`
					KeySchema  keySchema `yaml:"KeySchema"`
					Projection struct {
						ProjectionType string `yaml:"ProjectionType"`
					} `yaml:"Projection"`
				} `yaml:"GlobalSecondaryIndexes"`
			} `yaml:"Properties"`
		} `yaml:"Table"`
		Bucket struct {
			Properties struct {
				CorsConfiguration struct {
					CorsRules []struct {
						AllowedOrigins []string `yaml:"AllowedOrigins"`
						AllowedMethods []string `yaml:"AllowedMethods"`
						AllowedHeaders []string `yaml:"AllowedHeaders"`
						ExposedHeaders []string `yaml:"ExposedHeaders"`
						MaxAge         int32    `yaml:"MaxAge"`
					} `yaml:"CorsRules"`
				} `yaml:"CorsConfiguration"`
			} `yaml:"Properties"`
		} `yaml:"Bucket"`
	} `yaml:"Resources"`
}

type attribute struct {
	AttributeName string `yaml:"AttributeName"`
	AttributeType string `yaml:"AttributeType"`
}

type keySchema []struct {
	AttributeName string `yaml:"AttributeName"`
	KeyType       string `yaml:"KeyType"`
}

func (k keySchema) elements() []ddb.KeySchemaElement {
	elements := make([]ddb.KeySchemaElement, len(k))
	for i, e := range k {
		elements[i] = ddb.KeySchemaElement{AttributeName: &e.AttributeName, KeyType: ddb.KeyType(e.KeyType)}
	}
	return elements
}

func run(ctx context.Context, endpoint, table, bucket, path string) error {
	if endpoint == "" || table == "" || bucket == "" {
		return errors.New("-endpoint, -table and -bucket are required")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var tmpl template
	if err := yaml.Unmarshal(text, &tmpl); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithBaseEndpoint(endpoint))
	if err != nil {
		return err
	}
	if err := createTable(ctx, dynamodb.NewFromConfig(cfg), table, tmpl); err != nil {
		return fmt.Errorf("creating table %s: %w", table, err)
	}
	if err := createBucket(ctx, s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }), bucket, tmpl); err != nil {
		return fmt.Errorf("creating bucket %s: %w", bucket, err)
	}
	return nil
}

func createTable(ctx context.Context, client *dynamodb.Client, name string, tmpl template) error {
	p := tmpl.Resources.Table.Properties
	in := &dynamodb.CreateTableInput{TableName: &name, BillingMode: ddb.BillingModePayPerRequest, KeySchema: p.KeySchema.elements()}
	for _, a := range p.AttributeDefinitions {
		in.AttributeDefinitions = append(in.AttributeDefinitions, ddb.AttributeDefinition{
			AttributeName: &a.AttributeName, AttributeType: ddb.ScalarAttributeType(a.AttributeType),
		})
	}
	for _, g := range p.GlobalSecondaryIndexes {
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, ddb.GlobalSecondaryIndex{
			IndexName: &g.IndexName, KeySchema: g.KeySchema.elements(),
			Projection: &ddb.Projection{ProjectionType: ddb.ProjectionType(g.Projection.ProjectionType)},
		})
	}
	if _, err := client.CreateTable(ctx, in); err != nil {
		return err
	}
	return dynamodb.NewTableExistsWaiter(client).Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, time.Minute)
}

func createBucket(ctx context.Context, client *s3.Client, name string, tmpl template) error {
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name}); err != nil {
		return err
	}
	var rules []s3types.CORSRule
	for _, r := range tmpl.Resources.Bucket.Properties.CorsConfiguration.CorsRules {
		rules = append(rules, s3types.CORSRule{
			AllowedOrigins: r.AllowedOrigins, AllowedMethods: r.AllowedMethods, AllowedHeaders: r.AllowedHeaders,
			ExposeHeaders: r.ExposedHeaders, MaxAgeSeconds: aws.Int32(r.MaxAge),
		})
	}
	_, err := client.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: &name, CORSConfiguration: &s3types.CORSConfiguration{CORSRules: rules}})
	return err
}
