import { Link, useSearch } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import type { TabProps } from '../api';
import { Async } from './async';
import { Basic } from './basic';
import { Environment } from './environment';
import { Invocation } from './invocation';
import { Loop } from './loop';
import { TriggerRows } from './trigger-rows';
import './configuration.css';

const sections = ['basic', 'environment', 'trigger', 'async', 'loop', 'invocation'] as const;
type Section = (typeof sections)[number];

/** ConfigurationTab shows one section at a time; which one stands in the URL. */
export function ConfigurationTab({ fn, qualifier }: TabProps) {
  const { t } = useTranslation('functions');
  const search = useSearch({ from: '/functions/$name/{-$tab}' });
  const section: Section = sections.find((s) => s === search.section) ?? 'basic';
  const name = fn.functionName;
  return (
    <div className="configuration">
      <nav aria-label={t('tab.configuration')}>
        <ul className="sections">
          {sections.map((s) => (
            <li key={s}>
              <Link to="." search={(old) => ({ qualifier: old.qualifier, section: s === 'basic' ? undefined : s })} activeOptions={{ exact: true, includeSearch: true }} className={s === section ? 'current' : undefined}>
                {t(`configuration.section.${s}`)}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <section className="section" aria-label={t(`configuration.section.${section}`)}>
        <h2>{t(`configuration.section.${section}`)}</h2>
        {section === 'basic' && <Basic fn={fn} qualifier={qualifier} />}
        {section === 'environment' && <Environment key={qualifier} fn={fn} qualifier={qualifier} />}
        {section === 'trigger' && <TriggerRows name={name} />}
        {section === 'async' && <Async name={name} qualifier={qualifier} />}
        {section === 'loop' && <Loop name={name} />}
        {section === 'invocation' && <Invocation fn={fn} />}
      </section>
    </div>
  );
}
