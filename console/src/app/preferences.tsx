import { GlobalOutlined, MoonOutlined, SunOutlined } from '@ant-design/icons';
import { Button, Dropdown } from 'antd';
import { useTranslation } from 'react-i18next';
import { languages, setLanguage, type Language } from './i18n';
import { useSettings, type Mode } from './settings';

/** Preferences are the language and the theme. */
export function Preferences() {
  const { t, i18n } = useTranslation();
  const { mode, dark, setMode } = useSettings();
  return (
    <span className="preferences">
      <Dropdown
        trigger={['click']}
        menu={{
          selectable: true,
          selectedKeys: [i18n.language],
          items: Object.entries(languages).map(([key, label]) => ({ key, label })),
          onClick: ({ key }) => void setLanguage(key as Language),
        }}
      >
        <Button type="text" icon={<GlobalOutlined />} aria-label={t('preferences.language')} />
      </Dropdown>
      <Dropdown
        trigger={['click']}
        menu={{
          selectable: true,
          selectedKeys: [mode],
          items: (['system', 'light', 'dark'] as Mode[]).map((key) => ({ key, label: t(`preferences.theme_${key}`) })),
          onClick: ({ key }) => setMode(key as Mode),
        }}
      >
        <Button type="text" icon={dark ? <MoonOutlined /> : <SunOutlined />} aria-label={t('preferences.theme')} />
      </Dropdown>
    </span>
  );
}
