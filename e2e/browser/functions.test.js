'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { fc, FC, oss, consoleGet } = require('../lib/clients');
const { create, trigger } = require('../lib/functions');
const png = require('../lib/png');
const { Server, root } = require('../lib/server');
const { until } = require('../lib/wait');
const { accessible, clean, close, held, newPage, settled, shot, signedIn } = require('./lib/browser');

const picture = fs.readFileSync(path.join(root, 'examples/kingfisher.png'));
const hello = { 'index.js': 'exports.handler = async () => {\n  console.log("a line");\n  return "one";\n};\n', 'lib/a.js': 'module.exports = 1;\n' };

// write puts text at the top of the file that is open.
async function write(page, text) {
  await page.locator('.pane .cm-content').click();
  await page.keyboard.press('Control+Home');
  await page.keyboard.type(text);
}
const code = (page) => page.locator('.pane .cm-content');
const deploy = (page) => page.getByRole('button', { name: /Deploy$/ }); // its icon has a name, too
const saved = (page, n) => page.getByText(n === 1 ? '1 unsaved file' : `${n} unsaved files`);
const error = (page) => page.locator('.ant-form-item-explain-error').first();

// content replaces the event in the panel or on the Test tab.
async function content(page, text) {
  await page.getByRole('textbox', { name: 'Event Content' }).click();
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText(text);
}

async function option(page, select, text) {
  await page.getByRole('combobox', { name: select }).click();
  await page.locator('.ant-select-dropdown:not(.ant-select-dropdown-hidden) .ant-select-item-option').filter({ hasText: text }).first().click();
}

async function configure(page) {
  await page.getByRole('button', { name: 'Test events' }).click();
  await page.getByRole('menuitem', { name: 'Configure Test Parameters' }).click();
  await page.getByRole('dialog', { name: 'Configure Test Parameters' }).waitFor();
}

describe('functions', () => {
  let server;
  let c;
  before(async () => {
    server = await Server.start();
    c = oss(server, { bucket: 'testbucket' });
    await c.putBucket('testbucket');
    await c.put('source/a.png', picture, { headers: { 'x-oss-meta-last-modified': '20250213' } });
  });
  after(async () => { await close(); await server.stop(); });

  it('are made from the listing, edited, deployed and tested, as the documentation walks', async () => {
    const { context, page } = await signedIn(server, { at: '/functions' });
    await page.getByText('There are no functions yet.').waitFor();
    await accessible(page, 'no functions');
    await page.getByRole('button', { name: 'Create Function' }).first().click();
    await page.getByRole('radio', { name: /Resize pictures/ }).check();
    await accessible(page, 'the create drawer');
    const make = page.getByRole('button', { name: /^(loading )?Create$/ });
    await make.click();
    await error(page).getByText('Enter a name.').waitFor();
    await page.getByLabel('Function Name').fill('9 lives');
    await error(page).getByText(/1 to 64 letters/).waitFor();
    await page.getByLabel('Function Name').fill('resize');
    await page.getByLabel('Handler').fill('index');
    await error(page).getByText(/file\.function/).waitFor();
    await page.getByLabel('Handler').fill('other.handler');
    await make.click();
    await error(page).getByText(/no file for handler 'other\.handler'/).waitFor(); // the server's word, at its field
    assert.equal(await page.getByLabel('Function Name').inputValue(), 'resize');
    await page.getByLabel('Handler').fill('index.handler');
    await make.click();
    await page.waitForURL(/\/functions\/resize$/);
    await code(page).getByText('ali-oss').waitFor();
    await accessible(page, 'the Code tab');
    await trigger(server, 'resize', 'oss-trigger', { bucket: 'testbucket', prefix: 'source', suffix: 'png' });

    assert.equal(await deploy(page).isDisabled(), true);
    await write(page, '// edited in the browser\n');
    await saved(page, 1).waitFor();
    await page.keyboard.press('Control+Shift+D');
    await saved(page, 1).waitFor({ state: 'detached' });

    // What is typed before the event of the trigger has come is not replaced by it.
    const late = await held(page, 'GET', /\/api\/events\/sample/);
    await configure(page);
    await late.asked;
    await content(page, '{"typed": "before"}');
    late.go();
    await settled(page);
    await page.getByRole('textbox', { name: 'Event Content' }).getByText('"before"').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await configure(page);
    await page.getByRole('textbox', { name: 'Event Content' }).getByText('"source/a.png"').waitFor(); // a real object of the trigger's bucket
    await page.getByText('Filled with what oss://testbucket/source/a.png is now.').waitFor();
    await page.getByRole('textbox', { name: 'Event Content' }).getByText('20250213').waitFor();
    await accessible(page, 'Configure Test Parameters');
    await page.getByRole('button', { name: 'OK' }).click();
    await error(page).getByText('Enter a name.').waitFor();
    await page.getByLabel('Event Name').fill('an upload');
    await page.getByRole('button', { name: 'OK' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });

    await page.getByRole('button', { name: 'Test Function' }).click();
    await page.getByText('Succeeded').waitFor({ timeout: 30000 });
    await page.getByTestId('value').getByText('done').waitFor();
    await page.getByTestId('log').getByText('The content in event entity is:').waitFor();
    await page.getByText(/^cold \(/).waitFor(); // of the run's record
    const now = (await fc(server).getFunction('resize', new FC.GetFunctionRequest({}))).body.codeChecksum;
    await page.getByText(`Ran code ${now.slice(0, 8)}`).waitFor();
    await accessible(page, 'a result');
    assert.deepEqual(png.size((await c.get('processed/a.png')).content), [128, 128]);
    const link = page.getByRole('region', { name: 'Test result' }).getByRole('link');
    assert.match(await link.first().getAttribute('href'), /\/trace\?run=/);

    await write(page, '// and again\n');
    await page.getByText(`This ran ${now.slice(0, 8)}; the editor has changed since.`).waitFor();
    clean(page);
    await context.close();
  });

  it('keep what was typed through a reload, and tell of it', async () => {
    await create(server, 'drafted', hello);
    const { context, page } = await signedIn(server, { at: '/functions/drafted' });
    await write(page, '// typed and not deployed\n');
    await page.getByRole('button', { name: 'Add a file' }).click();
    const field = page.getByLabel('Path');
    for (const [name, why] of [['index.js', 'There is such a file already.'], ['../up.js', /without “\.\.”/], ['lib', 'A file and a folder cannot have the same name.']]) {
      await field.fill(name);
      await page.keyboard.press('Enter');
      await page.getByText(why).waitFor();
    }
    await accessible(page, 'a wrong path');
    await field.fill('lib/new.js');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Control+s');
    await page.getByText('Draft saved').waitFor();
    await page.reload();
    await page.getByText(/Restored the draft of/).waitFor();
    await saved(page, 2).waitFor();
    await page.getByRole('treeitem', { name: /index\.js/ }).click();
    await code(page).getByText('// typed and not deployed').waitFor();
    await accessible(page, 'a restored draft');

    // A test asks first, and then runs what is in the tab.
    await page.getByRole('button', { name: 'Test Function' }).click();
    const panel = page.getByRole('dialog', { name: 'Configure Test Parameters' }); // there is no event yet
    await page.getByRole('button', { name: 'Test without saving' }).click();
    await panel.waitFor({ state: 'detached' });
    await page.getByText('2 files in this tab are not deployed', { exact: false }).waitFor();
    await accessible(page, 'what to test');
    await page.getByRole('button', { name: 'Test deployed code' }).click();
    await page.getByTestId('value').getByText('one').waitFor();
    await page.getByText(/the editor has changed since/).waitFor();
    await page.keyboard.press('Control+Enter');
    await page.getByRole('button', { name: 'Deploy and test' }).click();
    await page.getByText(/Ran code /).waitFor();
    await saved(page, 2).waitFor({ state: 'detached' });
    await page.reload();
    await code(page).waitFor();
    assert.equal(await page.getByText(/Restored the draft of/).count(), 0);
    clean(page);
    await context.close();
  });

  it('refuse a second editor’s Deploy, and lose nothing', async () => {
    await create(server, 'contested', hello);
    const { context, page } = await signedIn(server, { at: '/functions/contested' });
    const other = await newPage(context);
    await other.goto('/functions/contested');
    await write(page, '// the first editor\n');
    await write(other, '// the second editor\n');
    await other.getByRole('treeitem', { name: /a\.js/ }).click();
    await write(other, '// only the second\n');
    await saved(other, 2).waitFor();
    await page.bringToFront();
    await deploy(page).click();
    await saved(page, 1).waitFor({ state: 'detached' });
    await other.bringToFront();
    await deploy(other).click();
    const view = other.getByRole('dialog', { name: 'Theirs and yours' });
    await view.waitFor();
    await view.getByText('// the first editor').first().waitFor();
    await view.getByText('// the second editor').first().waitFor();
    await accessible(other, 'a conflict');
    await shot(other, 'conflict');
    // On a phone, in one column: what is theirs can be taken there, too.
    await other.setViewportSize({ width: 390, height: 844 });
    await view.getByRole('button', { name: 'Take this part' }).first().waitFor();
    await accessible(other, 'a conflict on a phone');
    await other.setViewportSize({ width: 1280, height: 800 });
    // Nothing of the second is on the server, and nothing is lost in the tab.
    const before = (await fc(server).getFunction('contested', new FC.GetFunctionRequest({}))).body.codeChecksum;
    await other.reload();
    await other.getByText(/Not deployed: 1 file was changed by somebody else too/).waitFor();
    await saved(other, 2).waitFor();
    assert.equal((await fc(server).getFunction('contested', new FC.GetFunctionRequest({}))).body.codeChecksum, before);
    await deploy(other).click(); // shows the conflict again: it is not decided
    await view.waitFor();
    await view.getByRole('textbox', { name: 'Yours (edit it here)' }).click();
    await other.keyboard.press('Control+Home');
    await other.keyboard.type('// the first editor, too\n');
    await view.getByRole('button', { name: 'Take what I edited' }).click();
    await view.getByRole('button', { name: 'Back to the editor' }).click();
    await deploy(other).click();
    await saved(other, 2).waitFor({ state: 'detached' });
    // The first editor has nothing unsaved, and sees what is deployed now.
    await page.bringToFront();
    await code(page).getByText('// the first editor, too').waitFor();
    await code(page).getByText('// the second editor').waitFor();
    await write(page, '// once more\n');

    // Changes in different files are put together; Deploy is refused once all the same.
    await other.bringToFront();
    await other.getByRole('treeitem', { name: /a\.js/ }).click();
    await write(other, '// again only the second\n');
    await page.bringToFront();
    await deploy(page).click();
    await saved(page, 1).waitFor({ state: 'detached' });
    await other.bringToFront();
    await deploy(other).click();
    await other.getByText('Not deployed: somebody else was first.').waitFor();
    await deploy(other).click();
    await saved(other, 1).waitFor({ state: 'detached' });
    await other.getByRole('treeitem', { name: /index\.js/ }).click();
    await code(other).getByText('// once more').waitFor();
    clean(page);
    clean(other);
    await context.close();
  });

  it('are tested with a real event as the trigger sent it', async () => {
    await create(server, 'echo', { 'index.js': 'exports.handler = async (event) => { console.log("got " + event); return event.toString(); };\n' });
    await trigger(server, 'echo', 'copies', { bucket: 'testbucket', prefix: 'echo/' });
    await c.put('echo/b.txt', Buffer.from('text'));
    const { events } = await consoleGet(server, '/api/events', { bucket: 'testbucket', key: 'echo/b.txt' });
    const seen = () => until('the run of the trigger', async () => {
      const [run] = (await consoleGet(server, '/api/runs', { function: 'echo' })).filter((r) => r.trigger === 'copies');
      return run && /^got (.*)$/m.exec((await consoleGet(server, `/api/runs/${run.requestId}`))[0].log)?.[1];
    });
    await seen();
    // Without an event, testing begins with one of the trigger's, of an object that is there.
    await trigger(server, 'echo', 'before', { bucket: 'testbucket', prefix: 'before-all/' });
    const { context, page } = await signedIn(server, { at: '/functions/echo/test' });
    await page.getByText('Filled with what oss://testbucket/echo/b.txt is now.').waitFor();
    await page.getByRole('textbox', { name: 'Event Content' }).getByText('"echo/b.txt"').waitFor();
    const late = await held(page, 'GET', new RegExp(`/api/events/${events[0].id}`));
    await page.goto(`/functions/echo/test?event=${events[0].id}`);
    await late.asked;
    await page.getByRole('button', { name: 'Test Function' }).click(); // before it is there
    const answer = page.waitForResponse(/\/invocations/);
    late.go();
    assert.equal(await (await answer).text(), await seen()); // byte for byte, not as it is shown
    await page.getByRole('textbox', { name: 'Event Content' }).getByText('"echo/b.txt"').waitFor();
    await page.getByText('Succeeded').waitFor();
    await accessible(page, 'the Test tab');

    await content(page, '{"broken": ');
    await page.getByText(/Line 1 is not valid JSON/).waitFor();
    await content(page, '{"mine": 1}');
    await page.getByRole('button', { name: 'Test Function' }).click();
    await page.getByTestId('value').getByText('"mine": 1').waitFor();
    await page.getByText('Tests of this session').waitFor();
    await configure(page); // begins with what is on the tab
    await page.getByRole('textbox', { name: 'Event Content' }).last().getByText('"mine"').waitFor();
    await page.getByLabel('Event Name').fill('mine');
    await page.getByRole('button', { name: 'OK' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await configure(page);
    await page.getByRole('tab', { name: 'Create New Test Event' }).click();
    await page.getByLabel('Event Name').fill('mine');
    await page.getByRole('button', { name: 'OK' }).click();
    await error(page).getByText(/a test event “mine” already/).waitFor();
    await page.getByRole('tab', { name: 'Modify Existing Test Event' }).click();
    await page.getByRole('button', { name: 'Delete test event mine' }).click();
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('button', { name: 'Delete test event mine' }).waitFor();
    await accessible(page, 'an existing test event');
    clean(page);
    await context.close();
  });

  it('show what failed, and why', async () => {
    // It goes on when an object says so, however long that takes: it prints so seldom that its last line is in sight, too.
    const code = 'const oss = require("ali-oss");\nexports.handler = async (event, context) => {\n  console.log("before");\n' +
      '  const client = new oss({ region: "oss-cn-hangzhou", bucket: "testbucket", accessKeyId: context.credentials.accessKeyId, accessKeySecret: context.credentials.accessKeySecret, stsToken: context.credentials.securityToken });\n' +
      '  for (let i = 0; !await client.head("go/on").catch(() => null); i++) { if (i % 20 === 0) console.log("still here"); await new Promise((r) => setTimeout(r, 100)); }\n  console.error("a grave line");\n  throw new TypeError("no such thing");\n};\n';
    await create(server, 'fails', { 'lib/a.js': '', 'index.js': code }, { timeout: 300 });
    const { context, page } = await signedIn(server, { at: '/functions/fails/test', theme: 'dark' });
    await page.getByRole('button', { name: 'Test Function' }).click();
    await page.getByTestId('live-log').getByText('before').waitFor();
    await page.getByText('Running…').waitFor();
    assert.match(await page.getByRole('timer').textContent(), /^\d+\.\d s$/);
    await accessible(page, 'a test that runs');
    // Nobody need wait for it: the Logs show what it prints while it goes on.
    await page.getByRole('button', { name: 'Stop waiting' }).click();
    await page.getByText('The run goes on until it ends or its timeout.').waitFor();
    await page.getByRole('link', { name: 'Its logs' }).click();
    const going = page.getByRole('region', { name: 'Runs under way' });
    await going.getByText('still here').first().waitFor();
    await going.getByText(/1 run under way since/).waitFor();
    await accessible(page, 'a run under way');
    await c.put('go/on', Buffer.from('x'));
    const printed = page.getByRole('region', { name: 'Logs of fails' });
    await printed.getByText('TypeError: no such thing').first().waitFor();
    await going.waitFor({ state: 'detached' });
    await option(page, 'Level', 'ERROR');
    await printed.getByText('still here').first().waitFor({ state: 'detached' });
    await printed.locator('[data-level=ERROR]').getByText('a grave line').waitFor();
    await option(page, 'Attempts', 'Retries');
    await page.getByText('Nothing was found in all that is kept.').waitFor();
    await page.getByRole('button', { name: 'Clear the filters' }).click();
    await printed.getByText('still here').first().waitFor();
    await page.getByRole('tab', { name: 'Test', exact: true }).click();
    await page.getByText('You stopped waiting').waitFor();
    await page.getByRole('button', { name: 'Test Function' }).click();
    await page.getByText('Function failed').waitFor();
    await page.locator('.result-failure strong').getByText('TypeError: no such thing').waitFor();
    await page.getByTestId('log').getByText('before').waitFor();
    await accessible(page, 'a failure');

    // Code that cannot run is refused with the reason, and the change stays in the tab.
    await page.getByRole('tab', { name: 'Code' }).click();
    await page.getByRole('button', { name: 'Delete index.js' }).click();
    await deploy(page).click();
    await page.getByRole('alert').getByText(/no file for handler/).waitFor();
    await saved(page, 1).waitFor();
    await accessible(page, 'a refused deployment');
    clean(page);
    await context.close();
  });

  it('compare with versions, which are read-only', async () => {
    await create(server, 'versioned', hello);
    await fc(server).publishFunctionVersion('versioned', new FC.PublishFunctionVersionRequest({ body: new FC.PublishVersionInput({ description: 'first' }) }));
    const { context, page } = await signedIn(server, { at: '/functions/versioned?qualifier=1' });
    await page.getByText('1 is published and cannot be changed. Select LATEST to edit.').waitFor();
    await code(page).click();
    await page.keyboard.type('nothing');
    assert.ok(!(await code(page).innerText()).includes('nothing'));
    await accessible(page, 'a version');
    await page.getByRole('link', { name: 'Select LATEST' }).click();
    await deploy(page).waitFor(); // the version's editor has gone
    await write(page, '// later\n');
    await page.getByRole('button', { name: 'More', exact: true }).click();
    await page.getByRole('menuitem', { name: /Compare with/ }).click();
    await option(page, 'Against', 'first');
    await page.getByText('1 file differs').waitFor();
    await page.getByRole('dialog').getByText('// later').first().waitFor();
    await accessible(page, 'a comparison');
    await page.keyboard.press('Escape');
    // The Logs are of the version that is chosen on the page.
    await page.goto('/functions/versioned/logs?qualifier=1');
    await page.getByText('No run of 1 is kept.').waitFor();
    await page.getByRole('button', { name: 'All versions' }).click();
    await page.getByText('Nothing has been printed yet').waitFor();
    // A function that is deleted under its editor can be made again from the draft.
    await page.goto('/functions/versioned');
    await saved(page, 1).waitFor();
    await fc(server).deleteFunctionVersion('versioned', '1');
    await fc(server).deleteFunction('versioned');
    await deploy(page).click();
    await page.getByRole('button', { name: 'Download the draft' }).waitFor();
    await accessible(page, 'a deleted function');
    await page.getByRole('button', { name: 'Create it again from this draft' }).click();
    await saved(page, 1).waitFor({ state: 'detached' });
    assert.notEqual((await fc(server).getFunction('versioned', new FC.GetFunctionRequest({}))).body.codeChecksum, '');
    clean(page);
    await context.close();
  });

  it('are made from a zip and from a folder', async () => {
    const { zip } = require('../lib/functions');
    const { context, page } = await signedIn(server, { at: '/functions?new=1' });
    await page.getByLabel('Function Name').fill('from-zip');
    await page.getByText('Zip', { exact: true }).click();
    await page.getByRole('button', { name: /^(loading )?Create$/ }).click();
    await page.getByRole('alert').getByText('Choose a zip.').waitFor();
    await page.getByTestId('zip').setInputFiles({ name: 'no.zip', mimeType: 'application/zip', buffer: Buffer.from('not a zip') });
    await page.getByRole('alert').getByText(/“no.zip” cannot be used/).waitFor();
    await accessible(page, 'a wrong zip');
    await page.getByTestId('zip').setInputFiles({ name: 'code.zip', mimeType: 'application/zip', buffer: zip({ ...hello, 'logo.png': picture }) });
    await page.getByText(/code\.zip · /).waitFor();
    await page.getByRole('button', { name: /^(loading )?Create$/ }).click();
    await page.waitForURL(/\/functions\/from-zip$/);
    await page.getByRole('treeitem', { name: /logo\.png/ }).click();
    await page.getByText(/is not text, or too large/).waitFor();

    const dir = fs.mkdtempSync(path.join(require('node:os').tmpdir(), 'folder-'));
    fs.mkdirSync(path.join(dir, 'node_modules/x'), { recursive: true });
    fs.writeFileSync(path.join(dir, 'index.js'), hello['index.js']);
    fs.writeFileSync(path.join(dir, 'node_modules/x/index.js'), '1;');
    try {
      await page.goto('/functions?new=1');
      await page.getByLabel('Function Name').fill('from-folder');
      await page.getByText('Folder', { exact: true }).click();
      await page.getByTestId('folder').setInputFiles(dir);
      await page.getByText(/node_modules has 1 file/).waitFor();
      await accessible(page, 'a folder with modules');
      await page.getByRole('checkbox', { name: 'Leave node_modules out' }).check();
      await page.getByRole('button', { name: /^(loading )?Create$/ }).click();
      await page.waitForURL(/\/functions\/from-folder$/);
      await page.getByRole('treeitem', { name: /index\.js/ }).waitFor();
      assert.equal(await page.getByRole('treeitem').count(), 1);
    } finally {
      fs.rmSync(dir, { recursive: true });
    }
    clean(page);
    await context.close();
  });

  it('are deleted by name, unless something stands in the way', async () => {
    await create(server, 'to-delete', hello);
    await trigger(server, 'to-delete', 'in-the-way', { bucket: 'testbucket', prefix: 'nowhere/' });
    const { context, page } = await signedIn(server, { at: '/functions?q=to-' });
    await page.getByRole('button', { name: 'Delete function to-delete' }).click();
    assert.equal(await page.getByRole('button', { name: /^(loading )?Delete$/ }).isDisabled(), true);
    await page.getByLabel(/Type “to-delete”/).fill('to-delete');
    await page.getByRole('button', { name: /^(loading )?Delete$/ }).click();
    await page.getByRole('link', { name: 'See its triggers' }).waitFor();
    await accessible(page, 'a refused deletion');
    await fc(server).deleteTrigger('to-delete', 'in-the-way');
    await page.getByRole('button', { name: /^(loading )?Delete$/ }).click();
    await page.getByText('No function’s name starts with'.replace('’', "'"), { exact: false }).waitFor();
    clean(page);
    await context.close();
  });

  for (const [theme, width] of [['light', 390], ['dark', 390], ['dark', 1280]]) {
    it(`work at ${width} pixels, ${theme}, in Chinese`, async () => {
      const name = `narrow-${theme}-${width}`;
      await create(server, name, hello);
      const { context, page } = await signedIn(server, { theme, width, height: 844, language: 'zh', at: '/functions?new=1' });
      await page.getByLabel('函数名称').waitFor();
      await accessible(page, 'creating');
      await page.getByRole('combobox', { name: '运行环境' }).click();
      await accessible(page, 'choosing a runtime');
      await page.goto(`/functions/${name}`);
      await write(page, '// 窄\n');
      await page.getByText('1 个文件未部署').waitFor();
      await accessible(page, 'editing');
      await page.getByRole('button', { name: '部署代码' }).click();
      await page.getByText('1 个文件未部署').waitFor({ state: 'detached' });
      await page.getByRole('button', { name: '测试事件' }).click();
      await accessible(page, 'the menu of test events');
      await page.getByRole('menuitem', { name: '配置测试参数' }).click();
      await page.getByRole('textbox', { name: '事件内容' }).waitFor();
      await accessible(page, 'configuring');
      await page.getByRole('button', { name: '不保存直接测试' }).click();
      await page.getByText('执行成功').waitFor();
      await accessible(page, 'tested');
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width, 'the page scrolls sideways');
      await page.goto('/functions');
      await page.getByText(name).first().waitFor();
      await accessible(page, 'the list');
      clean(page);
      await context.close();
    });
  }
});
