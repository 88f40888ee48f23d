import { Alert, Button, Form, Input, Modal } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { messageOf, Refusal } from '../shared/api';
import { Preferences } from './preferences';
import { useSession } from './session';
import mark from './alcedo.svg';

function SignInForm() {
  const { t } = useTranslation();
  const { signIn } = useSession();
  const [form] = Form.useForm<{ id: string; secret: string }>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const submit = async ({ id, secret }: { id: string; secret: string }) => {
    setBusy(true);
    setProblem('');
    try {
      await signIn(id.trim(), secret.trim());
    } catch (err) {
      const r = err as Refusal;
      // What is wrong stands at the field it is wrong in; nothing typed is lost.
      if (r.code === 'InvalidAccessKeyId') form.setFields([{ name: 'id', errors: [messageOf(r)] }]);
      else if (r.code === 'SignatureDoesNotMatch') form.setFields([{ name: 'secret', errors: [messageOf(r)] }]);
      else setProblem(messageOf(r));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Form form={form} layout="vertical" onFinish={(v) => void submit(v)} requiredMark={false}>
      {problem && <Alert type="error" showIcon title={problem} role="alert" className="gap-below" />}
      <Form.Item name="id" label={t('signIn.id')} rules={[{ required: true, message: t('signIn.idNeeded') }]}>
        <Input autoComplete="username" autoFocus spellCheck={false} />
      </Form.Item>
      <Form.Item name="secret" label={t('signIn.secret')} rules={[{ required: true, message: t('signIn.secretNeeded') }]}>
        <Input.Password autoComplete="current-password" />
      </Form.Item>
      <Button type="primary" htmlType="submit" block loading={busy}>
        {t('signIn.button')}
      </Button>
    </Form>
  );
}

/** SignInPage is all that is shown without a session. */
export function SignInPage() {
  const { t } = useTranslation();
  const { session } = useSession();
  return (
    <main className="sign-in">
      <div className="sign-in-card">
        <img src={mark} alt="" width={44} height={44} />
        <h1 className="sign-in-title">{t('signIn.title')}</h1>
        <p className="dim">{t('signIn.where')}</p>
        <SignInForm />
        <footer className="sign-in-foot">
          <span className="dim">
            {session.region} · {session.version}
          </span>
          <Preferences />
        </footer>
      </div>
    </main>
  );
}

/** SignInAgain covers a page whose session ended, and leaves everything on it as it is. */
export function SignInAgain() {
  const { t } = useTranslation();
  return (
    <Modal open title={t('signIn.again')} footer={null} closable={false} mask={{ blur: false }}>
      <p>{t('signIn.againWhy')}</p>
      <SignInForm />
    </Modal>
  );
}
