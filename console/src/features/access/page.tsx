import { useTranslation } from 'react-i18next';
import { Page } from '../../shared/ui';

export function AccessPage() {
  const { t } = useTranslation();
  return <Page title={t('nav.access')}>{null}</Page>;
}
