import { describe, expect, it } from 'vitest';
import { cpuFor, fieldOf } from './create-fields';

describe('creating a function', () => {
  it.each([
    ['FunctionAlreadyExists', "function 'f' already exists.", 'name'],
    ['InvalidArgument', "handler 'x' is invalid: it must have the form file.function", 'handler'],
    ['InvalidArgument', "the code package has no file for handler 'x.y'; looked for x.js.", 'handler'],
    ['InvalidArgument', 'the code does not parse: syntax error in index.php on line 3.', 'code'],
    ['InvalidArgument', 'cpu 4 and memorySize 512 do not fit: the ratio', 'memory'],
    ['InvalidArgument', 'timeout 0 is invalid', 'timeout'],
    ['EntityTooLarge', 'payload size exceeds maximum allowed size (104857600 bytes)', 'code'],
    ['RuntimeNotInstalled', "runtime 'php7.2' cannot run on this host", 'runtime'],
    ['AccessDenied', 'the caller is not authorized to perform fc:CreateFunction on code', undefined],
  ])('%s %s stands at %s', (code, message, field) => expect(fieldOf({ code, message })).toBe(field));
  it('gives processor time as the server does', () => expect([128, 512, 1024, 3072, 32768].map(cpuFor)).toEqual([0.1, 0.35, 0.7, 2, 16]));
});
