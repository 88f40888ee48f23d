'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { after, before, describe, it } = require('node:test');
const { Server } = require('../lib/server');
const { accessible, clean, close, held, newPage, open, settled, signedIn } = require('./lib/browser');

// fill replaces the whole text of a CodeMirror editor.
async function fill(page, label, text) {
  const editor = page.getByRole('textbox', { name: label });
  await editor.click();
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Delete');
  await page.keyboard.insertText(text);
}

const both = async (server, options, f) => {
  for (const theme of ['light', 'dark']) {
    const { context, page } = await signedIn(server, { theme, ...options });
    await f(page, theme);
    clean(page);
    await context.close();
  }
};

describe('access', () => {
  let server;
  before(async () => { server = await Server.start(); });
  after(async () => { await close(); await server.stop(); });

  it('makes a user whose key is shown once, and which may do what its policies say', async () => {
    const { context, page } = await signedIn(server, { at: '/access' });
    await page.getByText('There are no users yet', { exact: false }).waitFor();
    await page.getByRole('button', { name: 'Create User' }).first().click();
    await page.getByLabel('User Name').fill('no spaces');
    await page.keyboard.press('Enter');
    await page.locator('.ant-form-item-explain-error').waitFor();
    assert.equal(await page.getByLabel('User Name').inputValue(), 'no spaces');
    await page.getByLabel('User Name').fill('reader');
    await page.keyboard.press('Enter');
    const drawer = page.getByRole('dialog', { name: 'User reader' });
    await drawer.waitFor();
    assert.match(page.url(), /name=reader/);

    await drawer.getByRole('button', { name: 'Add Policy' }).click();
    await page.getByRole('menuitem', { name: 'Read all of OSS' }).click();
    await drawer.getByRole('textbox', { name: 'Document of the policy OSSReadOnly' }).waitFor();
    await accessible(page, 'a user with a policy');
    await drawer.getByRole('button', { name: 'Save' }).click();
    await drawer.getByText('Not saved yet.').waitFor({ state: 'detached' });

    await drawer.getByRole('button', { name: 'Create AccessKey' }).click();
    const made = page.getByRole('dialog', { name: 'The AccessKey is ready' });
    await made.waitFor();
    await accessible(page, 'the new key');
    const [download] = await Promise.all([page.waitForEvent('download'), made.getByRole('button', { name: 'Download CSV' }).click()]);
    assert.equal(download.suggestedFilename(), 'AccessKey-reader.csv');
    const [, row] = fs.readFileSync(await download.path(), 'utf8').split('\r\n');
    const [accessKeyId, accessKeySecret] = row.split(',');
    assert.ok(accessKeySecret.length >= 30);
    await page.keyboard.press('Escape'); // a secret is not lost by a slip
    await made.getByText(accessKeySecret).waitFor();
    await made.getByRole('button', { name: 'I have kept it' }).click();
    await made.waitFor({ state: 'detached' });
    await drawer.getByText(accessKeyId).waitFor();
    await page.reload();
    await drawer.getByText(accessKeyId).waitFor();
    assert.equal(await page.getByText(accessKeySecret).count(), 0);

    // The user itself, in a browser of its own.
    const own = await signedIn(server, { at: '/access', keys: { accessKeyId, accessKeySecret } });
    await own.page.getByText('it lacks ram:ListUsers', { exact: false }).waitFor();
    await own.page.getByRole('button', { name: 'Create User', disabled: true }).waitFor();
    await own.page.locator('.may-not').first().hover();
    await own.page.getByRole('tooltip').getByText('it lacks ram:CreateUser', { exact: false }).waitFor();
    await accessible(own.page, 'as who may nothing here');
    await own.page.goto('/access/roles?name=AliyunFCDefaultRole');
    await own.page.getByText('ram:GetRole', { exact: false }).first().waitFor();
    await own.page.goto('/buckets');
    await own.page.getByText('There are no buckets yet.').waitFor();
    clean(own.page);

    // What was typed and not saved outlives the drawer and the page.
    await drawer.getByRole('button', { name: 'Policy OSSReadOnly', exact: true }).click({ trial: true });
    await fill(page, 'Document of the policy OSSReadOnly', '{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:PutObject","Resource":"*"}]}');
    await drawer.getByText('Not saved yet.').waitFor();
    await page.reload();
    await drawer.getByText('Not saved yet.').waitFor();
    await drawer.getByRole('button', { name: 'Discard changes' }).click();
    await drawer.getByText('oss:Get*', { exact: false }).waitFor();

    // Who may see only itself is offered that, and told what it lacks for the rest.
    const own1 = (action) => ({ Effect: 'Allow', Action: action, Resource: 'acs:ram::*:user/reader' });
    const put = await context.request.put('/api/users/reader', { data: { policies: [{ name: 'self', document: { Version: '1', Statement: [own1('ram:GetUser')] } }] } });
    assert.equal(put.status(), 200, await put.text());
    await own.page.goto('/access');
    await own.page.getByRole('link', { name: 'Your own user, reader' }).click();
    const self = own.page.getByRole('dialog', { name: 'User reader' });
    await self.getByText('it lacks ram:UpdateUser on acs:ram::1642039851470273:user/reader', { exact: false }).waitFor();
    await self.getByText('it lacks ram:ListAccessKeys', { exact: false }).waitFor();
    assert.equal(await self.getByRole('button', { name: 'Add Policy' }).count(), 0);
    for (const name of [/Delete$/, 'Create AccessKey']) await self.getByRole('button', { name, disabled: true }).first().waitFor();
    await accessible(own.page, 'itself, as who may nothing more');
    clean(own.page);

    await drawer.getByRole('button', { name: `Delete the access key ${accessKeyId}` }).click();
    await page.getByRole('tooltip').getByRole('button', { name: 'Delete', exact: true }).click();
    await drawer.getByText('nobody can sign in as this user', { exact: false }).waitFor();
    const refused = await own.context.request.get('/api/users');
    assert.equal(refused.status(), 401); // its session went with the key
    await own.context.close();

    await drawer.getByRole('button', { name: /^(delete )?Delete$/ }).click(); // its icon has a name too
    await page.getByRole('dialog', { name: 'Delete the user reader?' }).getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByText('There are no users yet', { exact: false }).waitFor();
    clean(page);
    await context.close();
  });

  it('says where a policy is wrong, saves nothing then, and keeps what was typed', async () => {
    const { context, page } = await signedIn(server, { at: '/access/roles' });
    await page.getByRole('button', { name: 'Create Role' }).click();
    const drawer = page.getByRole('dialog', { name: 'Create Role' });
    await drawer.getByRole('button', { name: 'OK' }).click();
    await drawer.getByText('There are errors above', { exact: false }).waitFor();
    await drawer.getByLabel('Role Name').fill('worker');
    await drawer.getByRole('button', { name: 'Add Policy' }).click();
    await page.getByRole('menuitem', { name: 'Everything in one bucket' }).click();
    const ask = page.getByRole('dialog', { name: 'Everything in one bucket' });
    await ask.getByLabel('Bucket Name').fill('pictures');
    await page.keyboard.press('Enter');
    const document = 'Document of the policy OSSFullBucket';
    await drawer.getByRole('textbox', { name: document }).getByText('acs:oss:*:*:pictures/*').waitFor();

    await fill(page, document, '{"Version": "1",\n  "Statement": [{"Effect": "Allow" "Action": "oss:*", "Resource": "*"}]}');
    await drawer.getByText('Line 2, column 36: This is not JSON: a comma', { exact: false }).waitFor();
    await page.keyboard.press('Escape'); // is the editor's, before Tab; what is around it stays open
    assert.match(page.url(), /[?&]new=/);
    await accessible(page, 'a policy that is not JSON');
    await drawer.getByRole('button', { name: 'OK' }).click();
    await drawer.getByText('There are errors above', { exact: false }).waitFor();
    await fill(page, document, '{"Version": "1", "Statement": [{"Effect": "Allow", "Action": ["oss:GetObjekt"], "Resource": "*", "Who": 1}]}');
    await drawer.getByText('“Who” is not known here', { exact: false }).waitFor();
    await drawer.getByText('No action is called “oss:GetObjekt”', { exact: false }).waitFor();
    await fill(page, document, '{"Version": "1", "Statement": [{"Effect": "Allow", "Action": ["oss:GetObject"], "Resource": "acs:oss:*:*:pictures/*"}]}');
    await drawer.locator('.finding-error').first().waitFor({ state: 'detached' });
    await drawer.getByRole('button', { name: 'OK' }).click();
    await page.getByRole('dialog', { name: 'Role worker' }).waitFor();
    await page.getByText('acs:ram::1642039851470273:role/worker', { exact: true }).waitFor();

    // Two edit it at once: the second is told by whom, sees theirs, and loses nothing.
    const worker = (p) => p.getByRole('dialog', { name: 'Role worker' });
    const other = await newPage(context);
    await other.goto('/access/roles?name=worker');
    await worker(page).getByLabel('Description').fill('mine');
    await worker(other).getByLabel('Description').fill('theirs');
    await worker(other).getByLabel('Longest session, in hours').fill('2');
    await worker(other).getByRole('button', { name: 'Save' }).click();
    await worker(other).getByText('Not saved yet.').waitFor({ state: 'detached' });
    await worker(page).getByRole('button', { name: 'Save' }).click();
    await worker(page).getByText('Changed meanwhile by the account itself', { exact: false }).waitFor();
    assert.equal(await worker(page).getByLabel('Description').inputValue(), 'mine');
    await accessible(page, 'changed meanwhile');
    await worker(page).getByRole('button', { name: 'Look at theirs' }).click();
    const theirs = page.getByRole('dialog', { name: 'Changed meanwhile', exact: false }).last();
    await theirs.locator('.cm-changedLine').first().waitFor();
    await accessible(page, 'theirs and mine');
    await theirs.getByRole('button', { name: 'Keep mine' }).click();
    await worker(page).getByText('You both changed Description: yours stands there now', { exact: false }).waitFor();
    assert.equal(await worker(page).getByLabel('Description').inputValue(), 'mine');
    assert.equal(await worker(page).getByLabel('Longest session, in hours').inputValue(), '2');
    // What is typed while it is being saved stays, and is saved with the next Save.
    const put = await held(page, 'PUT', /\/api\/roles\/worker/);
    await worker(page).getByRole('button', { name: 'Save' }).click();
    await put.asked;
    await worker(page).getByLabel('Description').fill('mine, typed on');
    put.go();
    await worker(page).getByText('You both changed').waitFor({ state: 'detached' });
    assert.equal(await worker(page).getByLabel('Description').inputValue(), 'mine, typed on');
    await other.reload();
    assert.equal(await worker(other).getByLabel('Description').inputValue(), 'mine');
    await worker(page).getByRole('button', { name: 'Save' }).click();
    await worker(page).getByText('Not saved yet.').waitFor({ state: 'detached' });
    await other.reload();
    assert.equal(await worker(other).getByLabel('Description').inputValue(), 'mine, typed on');
    clean(other);
    await other.close();

    // A second one of the name: the server's refusal stands at the field.
    await page.goto('/access/roles?new=1');
    await drawer.getByLabel('Role Name').fill('Worker');
    await drawer.getByRole('button', { name: 'OK' }).click();
    await drawer.locator('#role-name-why').getByText('already exists', { exact: false }).waitFor();
    assert.equal(await drawer.getByLabel('Role Name').inputValue(), 'Worker');
    await drawer.getByRole('button', { name: 'Discard changes' }).click();
    clean(page);
    await context.close();
  });

  it('says who may do what, and why', async () => {
    const { context, page } = await signedIn(server, { at: '/access/check' });
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByText('Say who.').waitFor();
    await page.getByText('Role', { exact: true }).first().click();
    await page.getByRole('combobox', { name: 'Role' }).fill('worker');
    await page.keyboard.press('Escape');
    await page.getByLabel('Bucket Name').fill('pictures');
    await page.getByLabel('Object', { exact: true }).fill('in/a.png');
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByRole('heading', { name: 'Allowed', exact: true }).waitFor();
    await page.getByText('Statement 1 of the policy OSSFullBucket allows it', { exact: false }).waitFor();
    await page.getByText('Show the statement').click();
    await accessible(page, 'an answer');
    const link = page.url();
    await page.getByRole('combobox', { name: 'Action' }).fill('oss:PutObject');
    await accessible(page, 'the list of actions');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByRole('heading', { name: 'Not allowed' }).waitFor();
    await page.getByText('another action').waitFor();
    await page.getByRole('tab', { name: 'Users and keys' }).click();
    await page.goto(link); // the question is in the address
    await page.getByRole('heading', { name: 'Allowed', exact: true }).waitFor();
    // At the field: what is no address, and whom nobody knows. By keyboard alone.
    await page.getByLabel('From the address').fill('10.0.0');
    await page.getByText('This is no IP address', { exact: false }).waitFor();
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'check-ip');
    await page.getByLabel('From the address').fill('10.0.0.1');
    await page.keyboard.press('Enter');
    await page.getByRole('combobox', { name: 'Role' }).fill('nobody'); // typed on, before the page has asked
    await page.waitForURL(/ip=10\.0\.0\.1/);
    await settled(page);
    assert.equal(await page.getByRole('combobox', { name: 'Role' }).inputValue(), 'nobody');
    await page.keyboard.press('Enter');
    await page.locator('#check-who-why').getByText('nobody', { exact: false }).waitFor();
    // A role's trust policy has its say in who may assume it.
    const assumed = 'action=sts:AssumeRole&resource=acs:ram::1642039851470273:role/worker';
    await page.goto('/access/check?kind=service&who=fc.aliyuncs.com&' + assumed);
    await page.getByText("Statement 1 of the role's trust policy lets it in.").waitFor();
    await page.goto('/access/check?kind=role&who=AliyunFCDefaultRole&' + assumed);
    await page.getByRole('heading', { name: 'Not allowed' }).waitFor();
    await page.getByText("No statement of the role's trust policy lets it in.").waitFor();
    await accessible(page, 'an answer with a trust policy');
    await page.goto('/access/check?kind=key&who=LTAInone&action=oss:GetObject&resource=*');
    await page.getByText('LTAInone does not exist', { exact: false }).waitFor();
    clean(page);
    await context.close();
  });

  it('is readable in both themes, at 1280 and 390 pixels', async () => {
    for (const width of [1280, 390]) {
      await both(server, { at: '/access', width }, async (page, theme) => {
        const what = (s) => `${s}, ${theme}, ${width}`;
        await page.getByText('There are no users yet', { exact: false }).waitFor();
        await accessible(page, what('users'));
        await page.getByRole('button', { name: 'Create User' }).first().click();
        await page.getByLabel('User Name').waitFor();
        await page.mouse.move(0, 0); // the dialog's button lies where the page's was
        await accessible(page, what('create user'));
        await page.goto('/access/roles?name=worker');
        await page.getByRole('textbox', { name: 'Document of the policy OSSFullBucket' }).waitFor();
        await accessible(page, what('role'));
        await page.goto('/access/check?kind=role&who=worker&action=oss:PutObject&resource=acs:oss:cn-hangzhou:1642039851470273:pictures/x');
        await page.getByRole('heading', { name: 'Not allowed' }).waitFor();
        await accessible(page, what('check'));
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), what('it scrolls sideways'));
      });
    }
  });

  it('speaks Chinese', async () => {
    const { context, page } = await open(server, { language: 'zh' });
    await context.request.post('/api/session', { data: { accessKeyId: server.accessKeyId, accessKeySecret: server.accessKeySecret } });
    await page.goto('/access/roles?name=AliyunOSSEventNotificationRole');
    await page.getByRole('dialog', { name: '角色 AliyunOSSEventNotificationRole' }).getByText('信任策略').first().waitFor();
    await page.goto('/functions/none');
    await page.getByRole('alert').getByText('函数“none”不存在。').waitFor();
    clean(page);
    await context.close();
  });
});
