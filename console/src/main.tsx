import { nonce } from './app/nonce';
import './app/style.css';
import { IconProvider } from '@ant-design/icons';
import { StyleProvider } from '@ant-design/cssinjs';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { ConfigProvider } from 'antd';
import en from 'antd/locale/en_US';
import zh from 'antd/locale/zh_CN';
import { StrictMode, Suspense } from 'react';
import { createRoot } from 'react-dom/client';
import { useTranslation } from 'react-i18next';
import { start } from './app/i18n';
import { router } from './app/router';
import { SessionProvider, useSession } from './app/session';
import { SettingsProvider, useSettings } from './app/settings';
import { styles } from './app/styles';
import { themeOf } from './app/theme';
import { Refusal } from './shared/api';
import './shared/focus';
import { lazy } from './shared/lazy';
import { onReach, watch } from './shared/reach';

const SignInPage = lazy(() => import('./app/signin').then((m) => ({ default: m.SignInPage })));
const SignInAgain = lazy(() => import('./app/signin').then((m) => ({ default: m.SignInAgain })));

const away = (err: unknown) => err instanceof Refusal && err.unreachable;

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      networkMode: 'always', // a machine without a network has this server still
      staleTime: 2_000,
      // While nobody answers, asking on is the probe's affair (see reach.ts).
      retry: (n, err) => n < (away(err) ? 1 : 3) && !(err instanceof Refusal && err.status >= 400 && err.status < 500 && err.status !== 408 && err.status !== 429),
    },
    mutations: { networkMode: 'always', retry: false },
  },
});

// What could not be fetched while the server was away is fetched when it is back.
onReach((ok) => {
  if (ok) void queries.refetchQueries({ type: 'active', predicate: (q) => away(q.state.error) });
});
watch();

// Each icon that appears would look through the document's styles for those of icons: they stand in style.css.
const icons = { prefixCls: 'anticon', zeroRuntime: true };

function Inside() {
  const { session, ended } = useSession();
  return (
    <Suspense>
      {session.signedIn ? <RouterProvider router={router} /> : <SignInPage />}
      {session.signedIn && ended && <SignInAgain />}
    </Suspense>
  );
}

function Root() {
  const { i18n } = useTranslation();
  const settings = useSettings();
  return (
    <StyleProvider cache={styles}>
      <ConfigProvider
        theme={themeOf(settings)}
        locale={i18n.language === 'zh' ? zh : en}
        csp={{ nonce }}
        button={{ autoInsertSpace: false }}
        form={{ scrollToFirstError: { focus: true } }}
        modal={{ mask: { blur: false } }}
        drawer={{ mask: { blur: false } }}
      >
        <IconProvider value={icons}>
          <Inside />
        </IconProvider>
      </ConfigProvider>
    </StyleProvider>
  );
}

void start().then(() => {
  createRoot(document.getElementById('root')!).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <SettingsProvider>
          <SessionProvider>
            <Root />
          </SessionProvider>
        </SettingsProvider>
      </QueryClientProvider>
    </StrictMode>,
  );
});
