// Policies to begin with.

export interface Template {
  /** a key under policy.template of the locale */
  code: string;
  name: string; // of the policy
  /** the document; bucket is what the reader names, if the template asks for one */
  make: (bucket: string) => unknown;
  asks?: 'bucket';
}

const allow = (Action: string | string[], Resource: string | string[]) => ({ Effect: 'Allow', Action, Resource });
const policy = (...Statement: unknown[]) => ({ Version: '1', Statement });

export const permissionTemplates: Template[] = [
  { code: 'ossRead', name: 'OSSReadOnly', make: () => policy(allow(['oss:Get*', 'oss:List*'], '*')) },
  { code: 'ossBucket', name: 'OSSFullBucket', asks: 'bucket', make: (b) => policy(allow('oss:*', [`acs:oss:*:*:${b}`, `acs:oss:*:*:${b}/*`])) },
  { code: 'invoke', name: 'InvokeFunctions', make: () => policy(allow(['fc:InvokeFunction', 'fc:GetFunction', 'fc:ListFunctions'], 'acs:fc:*:*:functions/*')) },
  { code: 'fcDefault', name: 'FCDefaultRole', make: () => policy(allow('oss:*', '*'), allow('log:*', '*')) },
  { code: 'operator', name: 'Operator', make: () => policy(allow(['oss:*', 'fc:*'], '*')) },
];

const trusts = (principal: unknown) => policy({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: principal });

export const trustTemplates = (account: string): { code: string; make: () => unknown }[] => [
  { code: 'trustFC', make: () => trusts({ Service: ['fc.aliyuncs.com'] }) },
  { code: 'trustOSS', make: () => trusts({ Service: ['oss.aliyuncs.com'] }) },
  { code: 'trustAccount', make: () => trusts({ RAM: [`acs:ram::${account}:root`] }) },
];

export const pretty = (document: unknown): string => JSON.stringify(document, null, 2);
