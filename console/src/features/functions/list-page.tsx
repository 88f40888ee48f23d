import { useTranslation } from 'react-i18next';
import { Page } from '../../shared/ui';

export function FunctionsPage() {
  const { t } = useTranslation();
  return <Page title={t('nav.functions')}>{null}</Page>;
}
