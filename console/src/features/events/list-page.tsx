import { useTranslation } from 'react-i18next';
import { Page } from '../../shared/ui';

export function EventsPage() {
  const { t } = useTranslation();
  return <Page title={t('nav.events')}>{null}</Page>;
}
