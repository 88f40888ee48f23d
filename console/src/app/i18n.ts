import i18n from 'i18next';
import { initReactI18next } from 'react-i18next';
import { loaded } from '../shared/load';
import { ready } from '../shared/told';

export const languages = { en: 'English', zh: '简体中文' } as const;
export type Language = keyof typeof languages;

// One file per feature and language; only those of the chosen language are loaded.
const files = import.meta.glob<Record<string, unknown>>('../locales/*/*.json', { import: 'default' });

export const namespaces = ['common', 'overview', 'functions', 'triggers', 'buckets', 'events', 'access', 'said'] as const;

function preferred(): Language {
  const kept = localStorage.getItem('alcedo.language');
  if (kept === 'en' || kept === 'zh') return kept;
  return navigator.languages.some((l) => l.toLowerCase().startsWith('zh')) && !navigator.language.toLowerCase().startsWith('en') ? 'zh' : 'en';
}

async function load(language: Language) {
  await Promise.all(
    namespaces.map(async (ns) => {
      const file = files[`../locales/${language}/${ns}.json`];
      if (file && !i18n.hasResourceBundle(language, ns)) i18n.addResourceBundle(language, ns, await loaded(file));
    }),
  );
}

/** start makes t() work in the reader's language. */
export async function start(): Promise<void> {
  const language = preferred();
  await i18n.use(initReactI18next).init({
    lng: language,
    fallbackLng: false,
    ns: [...namespaces],
    defaultNS: 'common',
    resources: {},
    interpolation: { escapeValue: false },
    returnNull: false,
  });
  await load(language);
  document.documentElement.lang = language;
}

export async function setLanguage(language: Language): Promise<void> {
  await Promise.all([load(language), ready(language)]);
  await i18n.changeLanguage(language);
  localStorage.setItem('alcedo.language', language);
  document.documentElement.lang = language;
}
