import { useTranslation } from 'react-i18next';
import { Page } from '../../shared/ui';

export function DeadLettersPage() {
  const { t } = useTranslation();
  return <Page title={t('nav.dead')}>{null}</Page>;
}
