import { describe, expect, it } from 'vitest';
import { cpuRule, fittingCpu, fittingMemory, handlerRule, memoryRule, nameRule, ratioRule, settingOf, sizeOf, variablesIn } from './rules';

describe('memory and CPU', () => {
  it.each([[128, ''], [512, ''], [32768, ''], [64, 'memory'], [500, 'memory'], [32832, 'memory'], [null, 'memory']])('%s MB: "%s"', (mb, want) => expect(memoryRule(mb)).toBe(want));
  it.each([[0.05, ''], [0.35, ''], [16, ''], [0.04, 'cpu'], [0.33, 'cpu'], [16.05, 'cpu'], [null, 'cpu']])('%s vCPU: "%s"', (cpu, want) => expect(cpuRule(cpu)).toBe(want));
  it.each([[512, 0.5, ''], [512, 0.35, ''], [512, 0.1, 'ratio'], [512, 0.55, 'ratio'], [4096, 1, ''], [4096, 0.95, 'ratio'], [500, 9, '']])('%s MB with %s vCPU: "%s"', (memorySize, cpu, want) =>
    expect(ratioRule({ memorySize, cpu })).toBe(want));
  it('that fit each other fit', () => {
    for (const mb of [128, 192, 512, 1088, 3072, 32768]) {
      const [least, most] = fittingCpu(mb);
      for (const cpu of [least, most]) expect(ratioRule({ memorySize: mb, cpu })).toBe('');
    }
    for (const cpu of [0.05, 0.35, 1, 2.5, 16]) {
      const [least, most] = fittingMemory(cpu);
      for (const memorySize of [least, most]) expect(ratioRule({ memorySize, cpu })).toBe('');
    }
  });
});

it('knows handlers', () => {
  for (const ok of ['index.handler', 'src/index.handler', 'a.b.c']) expect(handlerRule(ok, 'nodejs20')).toBe('');
  for (const bad of ['', 'index', '.handler', 'index.', '/index.handler', '../x.handler', 'src/.handler', 'a.b/c', 'x'.repeat(130) + '.h']) expect(handlerRule(bad, 'python3.10')).toBe('handler');
  expect(handlerRule('', 'custom.debian10')).toBe('');
});

it('knows names of variables', () => {
  const v = (name: string, value = 'x', id = 1) => ({ id, name, value });
  expect(nameRule(v('A_1'), [])).toBe('');
  expect(nameRule(v('', ''), [])).toBe('');
  expect(nameRule(v(''), [])).toBe('envEmpty');
  for (const bad of ['1A', '_A', 'A-B', 'Ä']) expect(nameRule(v(bad), [])).toBe('envName');
  expect(nameRule(v('fc_x'), [])).toBe('envReserved');
  expect(nameRule(v('A'), [v('A'), v('A', 'y', 2)])).toBe('envTwice');
  expect(sizeOf([v('AB', 'ä'), v('C', '')])).toBe(5);
});

it('reads variables from JSON and from lines', () => {
  expect(variablesIn('{"A":"1","B":2,"C":true}')).toEqual({ A: '1', B: '2', C: 'true' });
  expect(variablesIn('# c\nexport A="x y"\n B = z=1 \n')).toEqual({ A: 'x y', B: 'z=1' });
  expect(variablesIn('A=1\r\n\r\nPEM="-----BEGIN\r\nab==\r\n-----END"\nQ=\nR=say "x" \'y\'\nS=\'s\'')).toEqual({ A: '1', PEM: '-----BEGIN\nab==\n-----END', Q: '', R: 'say "x" \'y\'', S: 's' });
  for (const bad of ['', '{', '{"A":{}}', 'no equals']) expect(variablesIn(bad)).toBeNull();
});

it('tells which setting is refused', () => {
  for (const [message, want] of [
    ['cpu 1 and memorySize 512 do not fit: …', 'cpu'], ['memorySize 500 is invalid: …', 'memorySize'], ['timeout 0 is out of range', 'timeout'], ["The role 'x' does not exist.", 'role'],
    ["handler 'x' is invalid", 'handler'], ['maxAsyncRetryAttempts 9 is out of range', 'maxAsyncRetryAttempts'], ['something else', undefined],
  ] as const) expect(settingOf(message)).toBe(want);
});
