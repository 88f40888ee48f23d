import { nonce } from './app/nonce';
import './app/style.css';
import { IconProvider } from '@ant-design/icons';
import { StyleProvider } from '@ant-design/cssinjs';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { ConfigProvider } from 'antd';
import en from 'antd/locale/en_US';
import zh from 'antd/locale/zh_CN';
import { lazy, StrictMode, Suspense } from 'react';
import { createRoot } from 'react-dom/client';
import { useTranslation } from 'react-i18next';
import { start } from './app/i18n';
import { router } from './app/router';
import { SessionProvider, useSession } from './app/session';
import { SettingsProvider, useSettings } from './app/settings';
import { styles } from './app/styles';
import { dark, light } from './app/theme';
import { Refusal } from './shared/api';

const SignInPage = lazy(() => import('./app/signin').then((m) => ({ default: m.SignInPage })));
const SignInAgain = lazy(() => import('./app/signin').then((m) => ({ default: m.SignInAgain })));

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      networkMode: 'always', // a machine without a network has this server still
      staleTime: 2_000,
      retry: (n, err) => n < 3 && !(err instanceof Refusal && err.status >= 400 && err.status < 500 && err.status !== 408 && err.status !== 429),
    },
    mutations: { networkMode: 'always', retry: false },
  },
});

// An open tab after an upgrade asks for chunks that are gone: load the new page once.
window.addEventListener('vite:preloadError', (e) => {
  const last = Number(sessionStorage.getItem('alcedo.reloaded') ?? 0);
  if (Date.now() - last < 30_000) return;
  e.preventDefault();
  sessionStorage.setItem('alcedo.reloaded', String(Date.now()));
  location.reload();
});

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
        theme={settings.dark ? dark : light}
        locale={i18n.language === 'zh' ? zh : en}
        csp={{ nonce }}
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
