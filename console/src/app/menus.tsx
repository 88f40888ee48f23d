import { QuestionCircleOutlined, UserOutlined } from '@ant-design/icons';
import { Link } from '@tanstack/react-router';
import { Button, Dropdown, Tooltip } from 'antd';
import { useTranslation } from 'react-i18next';
import { Preferences } from './preferences';
import { useSession } from './session';

// The header's menus come after the first paint: they are a tenth of what the shell weighs.

export function RegionMenu({ wide }: { wide: boolean }) {
  const { t } = useTranslation();
  const { session } = useSession();
  const name = wide ? t(`regions.${session.region}`, { defaultValue: session.region }) : session.region;
  return (
    <Dropdown trigger={['click']} menu={{ selectable: true, selectedKeys: [session.region], items: [{ key: session.region, label: t(`regions.${session.region}`, { defaultValue: session.region }) }] }}>
      <Button type="text" aria-label={`${t('region')}: ${name}`}>
        {name}
      </Button>
    </Dropdown>
  );
}

export function HeaderMenus({ wide, help }: { wide: boolean; help: () => void }) {
  const { t } = useTranslation();
  const { session, signOut } = useSession();
  return (
    <>
      <Preferences />
      <Tooltip title={t('shortcut.sheet')}>
        <Button type="text" icon={<QuestionCircleOutlined />} aria-label={t('shortcut.sheet')} onClick={help} className="only-wide" />
      </Tooltip>
      <Dropdown
        trigger={['click']}
        menu={{
          items: [
            { key: 'who', label: `${session.name} · ${session.account}`, disabled: true },
            { key: 'access', label: <Link to="/access/{-$tab}" params={{ tab: undefined }}>{t('nav.access')}</Link> },
            { key: 'out', label: t('signOut'), onClick: () => void signOut() },
          ],
        }}
      >
        <Button type="text" icon={<UserOutlined />} aria-label={wide ? `${t('nav.account')}: ${session.name}` : t('nav.account')}>
          {wide ? session.name : null}
        </Button>
      </Dropdown>
    </>
  );
}
