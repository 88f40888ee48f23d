import { describe, expect, it } from 'vitest';
import { base64url, build, parse, processedName, saving, snippets, type Recipe } from './process';

describe('processes', () => {
  const cases: [Recipe, string][] = [
    [{}, ''],
    [{ resize: { mode: 'fixed', w: 128, h: 128 } }, 'image/resize,m_fixed,w_128,h_128'],
    [{ resize: { mode: 'pad', w: 10, color: 'ff6a00' } }, 'image/resize,m_pad,w_10,color_ff6a00'],
    [{ resize: { p: 50 }, quality: { value: 80 } }, 'image/resize,p_50/quality,q_80'],
    [{ resize: { l: 100, enlarge: true } }, 'image/resize,l_100,limit_0'],
    [{ crop: { w: 5, x: 0, g: 'se' }, rotate: 90, format: 'webp', quality: { value: 90, absolute: true } }, 'image/crop,w_5,x_0,g_se/rotate,90/format,webp/quality,Q_90'],
    [{ orient: true, flip: 0, corners: 30, circle: 9, blur: { r: 3, s: 2 }, bright: -50, contrast: 100, sharpen: 100, interlace: true }, 'image/auto-orient,1/flip,v_0/rounded-corners,r_30/circle,r_9/blur,r_3,s_2/bright,-50/contrast,100/sharpen,100/interlace,1'],
  ];
  it.each(cases)('%j', (recipe, process) => {
    expect(build(recipe)).toBe(process);
    expect(build(parse(process)!)).toBe(process);
  });
  it('leaves out what does nothing', () => {
    expect(build({ resize: { mode: 'fill' }, crop: {}, rotate: 0, bright: 0 })).toBe('');
    expect(build({ resize: { mode: 'fill', w: 1, color: 'ffffff' } })).toBe('image/resize,m_fill,w_1');
  });
  it('does not pretend to show what the controls cannot', () => {
    for (const s of ['image/info', 'image/quality,q_80/resize,w_1', 'image/resize,w_1/resize,w_2', 'image/watermark,text_x', 'style/x', 'image/resize,w_abc', 'x']) expect(parse(s), s).toBeNull();
  });
  it('says where the result goes', () => {
    expect(base64url('a?>ü')).toBe('YT8-w7w');
    expect(saving('image/rotate,90', 'b', 'processed/a.png')).toBe('image/rotate,90|sys/saveas,o_cHJvY2Vzc2VkL2EucG5n,b_Yg');
    expect(processedName('source/x/a.png')).toBe('processed/x/a.png');
    expect(processedName('a', 'webp')).toBe('processed/a.webp');
  });
  it('quotes what stands in programs', () => {
    const s = snippets({ address: 'http://h:1', region: 'cn-x', bucket: 'b', key: "it's\\.png" }, 'image/rotate,90');
    expect(s.node).toContain(`client.get('it\\'s\\\\.png', { process: 'image/rotate,90' })`);
    expect(s.python).toContain(`bucket.get_object('it\\'s\\\\.png', process='image/rotate,90')`);
  });
});
