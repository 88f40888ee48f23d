// The actions that this server asks policies for.

/** services whose actions are all known here */
export const services = ['oss', 'fc', 'ram', 'sts', 'alcedo'];

const fc = [
  'InvokeFunction', 'CreateFunction', 'ListFunctions', 'GetFunction', 'UpdateFunction', 'DeleteFunction', 'GetFunctionCode', 'DisableFunctionInvocation', 'EnableFunctionInvocation',
  'PublishFunctionVersion', 'ListFunctionVersions', 'DeleteFunctionVersion', 'CreateAlias', 'ListAliases', 'GetAlias', 'UpdateAlias', 'DeleteAlias',
  'CreateTrigger', 'ListTriggers', 'GetTrigger', 'UpdateTrigger', 'DeleteTrigger',
  'PutAsyncInvokeConfig', 'GetAsyncInvokeConfig', 'DeleteAsyncInvokeConfig', 'ListAsyncInvokeConfigs', 'ListAsyncTasks', 'GetAsyncTask', 'StopAsyncTask',
  'PutConcurrencyConfig', 'GetConcurrencyConfig', 'DeleteConcurrencyConfig', 'ListConcurrencyConfigs',
  'GetProvisionConfig', 'PutProvisionConfig', 'DeleteProvisionConfig', 'ListProvisionConfigs', 'GetScalingConfig', 'PutScalingConfig', 'DeleteScalingConfig', 'ListScalingConfigs',
  'ListVpcBindings', 'CreateVpcBinding', 'DeleteVpcBinding', 'ListInstances', 'InstanceExec',
  'CreateLayerVersion', 'ListLayerVersions', 'GetLayerVersion', 'DeleteLayerVersion', 'PutLayerACL', 'ListLayers', 'GetLayerVersionByArn',
  'CreateCustomDomain', 'ListCustomDomains', 'GetCustomDomain', 'UpdateCustomDomain', 'DeleteCustomDomain',
  'CreateSession', 'ListSessions', 'GetSession', 'UpdateSession', 'DeleteSession', 'PauseSession', 'ResumeSession', 'ChangeResourceGroup',
  'TagResources', 'ListTagResources', 'UntagResources', 'DescribeRegions', 'GetTempBucketToken',
];
const bucketActions = ['PutBucket', 'DeleteBucket', 'GetBucketInfo', 'GetBucketLocation', 'GetBucketAcl', 'PutBucketAcl', 'ListObjects', 'ListMultipartUploads'];
const objectActions = ['GetObject', 'PutObject', 'DeleteObject', 'GetObjectAcl', 'PutObjectAcl', 'ListParts', 'AbortMultipartUpload', 'PostProcessTask'];
const userActions = ['CreateUser', 'GetUser', 'UpdateUser', 'DeleteUser', 'ListAccessKeys', 'CreateAccessKey', 'DeleteAccessKey', 'ListUsers'];
const roleActions = ['CreateRole', 'GetRole', 'UpdateRole', 'DeleteRole', 'ListRoles'];

// Actions of the cloud on what this server has in another form or not at all: policies
// written for the cloud name them, and they are no mistake.
const cloudOnly = [
  'oss:ListBuckets', 'oss:GetBucketStat', 'oss:GetBucketTagging', 'oss:PutBucketTagging', 'oss:GetBucketLifecycle', 'oss:PutBucketLifecycle', 'oss:GetBucketVersioning', 'oss:PutBucketVersioning',
  'oss:ListObjectVersions', 'oss:GetObjectVersion', 'oss:DeleteObjectVersion', 'oss:GetObjectTagging', 'oss:PutObjectTagging', 'oss:DeleteObjectTagging', 'oss:RestoreObject', 'oss:PutBucketCors', 'oss:GetBucketCors',
  'oss:PutBucketNotification', 'oss:GetBucketNotification', 'oss:ProcessImm', 'oss:GetBucketPolicy', 'oss:PutBucketPolicy', 'ram:PassRole', 'ram:AttachPolicyToUser', 'ram:AttachPolicyToRole',
];

export type ResourceKind = 'bucket' | 'object' | 'function' | 'user' | 'role' | 'other';

/** checkable are the actions that Check offers, and what each is done to. */
export const checkable: Record<string, ResourceKind> = { 'oss:ListBuckets': 'bucket' };
for (const a of objectActions) checkable['oss:' + a] = 'object';
for (const a of bucketActions) checkable['oss:' + a] = 'bucket';
for (const a of fc.slice(0, 33)) checkable['fc:' + a] = 'function';
for (const a of userActions) checkable['ram:' + a] = 'user';
for (const a of roleActions) checkable['ram:' + a] = 'role';
checkable['sts:AssumeRole'] = 'role';
checkable['alcedo:ReadMetrics'] = 'other';

export const known = [...Object.keys(checkable), ...fc.map((a) => 'fc:' + a), ...cloudOnly];

/** resourceKind is what an action is done to. */
export const resourceKind = (action: string): ResourceKind => checkable[action] ?? 'other';

/** listedServices are the services that act as roles here. */
export const listedServices = ['fc.aliyuncs.com', 'oss.aliyuncs.com'];
