package stack

import (
	"encoding/json"
	"slices"
	"strings"
)

// Deployment names the calls of the SAM CLI and of CloudFormation themselves, for
// [DeployerRow].Types.
const Deployment = "deployment"

// DeployerRow is a row of the policy that deploying the stack needs.
type DeployerRow struct {
	// Sid names the statement in the policy.
	Sid string
	// Types lists the resource types that need the actions, as they are called after
	// SAM's transform, or [Deployment].
	Types []string
	// Actions are IAM's names of the actions. Where CloudFormation reads many settings
	// of one resource, a name ends with or contains *: a managed policy has no room for
	// all.
	Actions []string
	// Resources are ARNs. ${account}, ${region} and ${stack} stand for the deployment.
	Resources []string
	// Unnamed is the reason why Resources are not limited to names that begin with the
	// stack's name. It is "" if they are.
	Unnamed string
}

// Deployer lists what deploying, updating and deleting the stack needs. CloudFormation
// acts in the name of the person who deploys. It has no permission to delete the
// table or the bucket, because they outlive the stack.
//
// The actions follow the handlers of each resource type in the CloudFormation registry
// (https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html,
// "handlers"): create, read, update, delete. A test compares their names and resources
// with AWS's Service Authorization Reference.
var Deployer = []DeployerRow{
	{
		Sid: "Stack", Types: []string{Deployment},
		Actions: []string{
			"cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet", "cloudformation:DeleteStack", "cloudformation:Describe*",
			"cloudformation:ExecuteChangeSet", "cloudformation:GetTemplate", "cloudformation:ListStackResources",
		},
		Resources: []string{"arn:aws:cloudformation:${region}:${account}:stack/${stack}/*"},
	},
	{
		Sid: "SamStack", Types: []string{Deployment},
		Actions:   []string{"cloudformation:CreateChangeSet", "cloudformation:Describe*", "cloudformation:ExecuteChangeSet"},
		Resources: []string{"arn:aws:cloudformation:${region}:${account}:stack/aws-sam-cli-managed-default/*"},
		Unnamed:   "SAM makes one stack with a bucket for the code, for all stacks of a region",
	},
	{
		Sid: "SamTransform", Types: []string{Deployment},
		Actions:   []string{"cloudformation:CreateChangeSet"},
		Resources: []string{"arn:aws:cloudformation:${region}:aws:transform/Serverless-2016-10-31"},
		Unnamed:   "the transform belongs to AWS",
	},
	{
		Sid: "Templates", Types: []string{Deployment},
		Actions: []string{"cloudformation:GetTemplateSummary", "cloudformation:ValidateTemplate"}, Resources: []string{"*"},
		Unnamed: "a template that is not deployed yet has no ARN",
	},
	{
		Sid: "SamBucket", Types: []string{Deployment},
		Actions: []string{
			"s3:CreateBucket", "s3:DeleteObject", "s3:GetBucket*", "s3:GetObject", "s3:ListBucket", "s3:PutBucketPolicy",
			"s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration", "s3:PutObject",
		},
		Resources: []string{"arn:aws:s3:::aws-sam-cli-managed-default-*"},
		Unnamed:   "SAM names the bucket for the code",
	},
	{
		Sid: "Table", Types: []string{"AWS::DynamoDB::Table"},
		Actions: []string{
			"dynamodb:CreateTable", "dynamodb:Describe*", "dynamodb:GetResourcePolicy", "dynamodb:ListTagsOfResource", "dynamodb:TagResource",
			"dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive",
		},
		Resources: []string{"arn:aws:dynamodb:${region}:${account}:table/${stack}-*"},
	},
	{
		Sid: "Bucket", Types: []string{"AWS::S3::Bucket", "AWS::S3::BucketPolicy"},
		Actions: []string{
			"s3:CreateBucket", "s3:DeleteBucketPolicy", "s3:Get*Configuration", "s3:GetBucket*", "s3:ListBucket", "s3:PutBucketCORS",
			"s3:PutBucketNotification", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging",
			"s3:PutBucketVersioning", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
		},
		Resources: []string{"arn:aws:s3:::${stack}-audio-${account}-*"},
	},
	{
		Sid: "Queues", Types: []string{"AWS::SQS::Queue", "AWS::SQS::QueuePolicy"},
		Actions: []string{
			"sqs:CreateQueue", "sqs:DeleteQueue", "sqs:GetQueue*", "sqs:ListQueueTags", "sqs:SetQueueAttributes", "sqs:TagQueue",
		},
		Resources: []string{"arn:aws:sqs:${region}:${account}:${stack}-*"},
	},
	{
		Sid: "Bus", Types: []string{"AWS::Events::EventBus", "AWS::Events::Rule"},
		Actions: []string{
			"events:CreateEventBus", "events:DeleteEventBus", "events:DeleteRule", "events:Describe*", "events:ListTagsForResource",
			"events:ListTargetsByRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets", "events:TagResource", "events:UpdateEventBus",
		},
		Resources: []string{"arn:aws:events:${region}:${account}:event-bus/${stack}", "arn:aws:events:${region}:${account}:rule/${stack}-*"},
	},
	{
		Sid: "CursorKey", Types: []string{"AWS::SecretsManager::Secret"},
		Actions: []string{
			"secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue",
			"secretsmanager:TagResource", "secretsmanager:UpdateSecret",
		},
		Resources: []string{"arn:aws:secretsmanager:${region}:${account}:secret:CursorKey-*"},
		Unnamed:   "CloudFormation names a secret after its resource, not after the stack",
	},
	{
		Sid: "RandomSecret", Types: []string{"AWS::SecretsManager::Secret"},
		Actions: []string{"secretsmanager:GetRandomPassword"}, Resources: []string{"*"},
		Unnamed: "the action has no resource",
	},
	{
		Sid: "Gateway", Types: []string{
			"AWS::ApiGateway::RestApi", "AWS::ApiGateway::Deployment", "AWS::ApiGateway::Stage", "AWS::ApiGateway::Account", "AWS::ApiGateway::DomainName",
			"AWS::ApiGateway::BasePathMapping",
		},
		Actions: []string{"apigateway:DELETE", "apigateway:GET", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT"},
		Resources: []string{
			"arn:aws:apigateway:${region}::/account", "arn:aws:apigateway:${region}::/domainnames*",
			"arn:aws:apigateway:${region}::/restapis*", "arn:aws:apigateway:${region}::/tags/*",
		},
		Unnamed: "API Gateway gives IDs to APIs, not names",
	},
	{
		Sid: "GatewayRole", Types: []string{"AWS::ApiGateway::DomainName"},
		Actions:   []string{"iam:CreateServiceLinkedRole"},
		Resources: []string{"arn:aws:iam::${account}:role/aws-service-role/ops.apigateway.amazonaws.com/*"},
		Unnamed:   "an account has one such role, which AWS names",
	},
	{
		Sid: "LogGroups", Types: []string{"AWS::Logs::LogGroup"},
		Actions: []string{
			"logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:GetDataProtectionPolicy", "logs:ListTagsForResource", "logs:PutRetentionPolicy",
			"logs:TagResource",
		},
		Resources: []string{"arn:aws:logs:${region}:${account}:log-group:${stack}-*"},
	},
	{
		Sid: "ListLogGroups", Types: []string{"AWS::Logs::LogGroup"},
		Actions: []string{"logs:DescribeIndexPolicies", "logs:DescribeLogGroups"}, Resources: []string{"*"},
		Unnamed: "the actions have no resource; CloudFormation lists the groups to find its own",
	},
	{
		Sid: "Roles", Types: []string{"AWS::IAM::Role"},
		Actions: []string{
			"iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:GetRole*",
			"iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:PassRole", "iam:PutRolePolicy", "iam:TagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
		},
		Resources: []string{"arn:aws:iam::${account}:role/${stack}-*"},
	},
	{
		Sid: "Functions", Types: []string{"AWS::Lambda::Function", "AWS::Lambda::Permission"},
		Actions: []string{
			"lambda:AddPermission", "lambda:CreateFunction", "lambda:DeleteFunction", "lambda:DeleteFunctionConcurrency", "lambda:Get*", "lambda:ListTags",
			"lambda:PutFunctionConcurrency", "lambda:RemovePermission", "lambda:TagResource", "lambda:UntagResource", "lambda:UpdateFunctionCode",
			"lambda:UpdateFunctionConfiguration",
		},
		Resources: []string{"arn:aws:lambda:${region}:${account}:function:${stack}-*"},
	},
	{
		Sid: "EventSources", Types: []string{"AWS::Lambda::EventSourceMapping"},
		Actions: []string{
			"lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping", "lambda:GetEventSourceMapping", "lambda:ListTags", "lambda:TagResource",
			"lambda:UpdateEventSourceMapping",
		},
		Resources: []string{"*"},
		Unnamed:   "mappings have random IDs, and creating one has no resource",
	},
	{
		Sid: "Alarms", Types: []string{"AWS::CloudWatch::Alarm"},
		Actions: []string{
			"cloudwatch:DeleteAlarms", "cloudwatch:Describe*", "cloudwatch:ListTagsForResource", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource",
		},
		Resources: []string{"arn:aws:cloudwatch:${region}:${account}:alarm:${stack}-*"},
	},
	{
		Sid: "Dashboard", Types: []string{"AWS::CloudWatch::Dashboard"},
		Actions:   []string{"cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"},
		Resources: []string{"arn:aws:cloudwatch::${account}:dashboard/${stack}-*"},
	},
	{
		Sid: "AddressQuota", Types: []string{"AWS::WAFv2::WebACL", "AWS::WAFv2::WebACLAssociation"},
		Actions: []string{
			"apigateway:SetWebACL", "wafv2:AssociateWebACL", "wafv2:CreateWebACL", "wafv2:DeleteWebACL", "wafv2:DisassociateWebACL", "wafv2:GetWebACL*",
			"wafv2:ListTagsForResource", "wafv2:TagResource", "wafv2:UpdateWebACL",
		},
		Resources: []string{"arn:aws:apigateway:${region}::/restapis/*/stages/*", "arn:aws:wafv2:${region}:${account}:regional/webacl/AddressQuotas-*/*"},
		Unnamed:   "CloudFormation names the list after its resource, and the gateway's stage has an ID",
	},
}

// Transformed lists the resource types into which SAM's transform turns its own types
// in this template.
var Transformed = map[string][]string{
	"AWS::Serverless::Api": {"AWS::ApiGateway::RestApi", "AWS::ApiGateway::Deployment", "AWS::ApiGateway::Stage"},
	"AWS::Serverless::Function": {
		"AWS::Lambda::Function", "AWS::Lambda::Permission", "AWS::Lambda::EventSourceMapping", "AWS::Events::Rule",
	},
}

// DeployerTypes returns the resource types of [Deployer], sorted.
func DeployerTypes() []string {
	var types []string
	for _, row := range Deployer {
		for _, t := range row.Types {
			if t != Deployment {
				types = append(types, t)
			}
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// DeployerPolicy returns [Deployer] as an IAM policy in JSON, for a deployment.
func DeployerPolicy(account, region, stack string) ([]byte, error) {
	type statement struct {
		Sid, Effect      string
		Action, Resource []string
	}
	policy := struct {
		Version   string
		Statement []statement
	}{Version: "2012-10-17"}
	for _, row := range Deployer {
		policy.Statement = append(policy.Statement, statement{row.Sid, "Allow", row.Actions, row.In(account, region, stack)})
	}
	return json.MarshalIndent(policy, "", "  ")
}

// In returns the row's resources in a deployment.
func (r DeployerRow) In(account, region, stack string) []string {
	fill := strings.NewReplacer("arn:aws:", "arn:"+partition(region)+":", "${account}", account, "${region}", region, "${stack}", stack)
	resources := make([]string, len(r.Resources))
	for i, resource := range r.Resources {
		resources[i] = fill.Replace(resource)
	}
	return resources
}

// partition returns the part of AWS that a region belongs to.
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
