import { useTranslation } from 'react-i18next';
import { Page } from '../../shared/ui';

export function BucketsPage() {
  const { t } = useTranslation();
  return <Page title={t('nav.buckets')}>{null}</Page>;
}
