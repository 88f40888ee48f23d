import { useTranslation } from 'react-i18next';
import { Page } from '../../shared/ui';

export function BucketPage() {
  const { t } = useTranslation();
  return <Page title={t('nav.buckets')}>{null}</Page>;
}
