import { Modal } from 'antd';
import { useTranslation } from 'react-i18next';
import { shortcuts, shown } from './shortcuts';

export default function ShortcutSheet({ close }: { close: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal open onCancel={close} footer={null} title={t('shortcut.sheet')}>
      <table className="shortcuts">
        <tbody>
          {shortcuts().map((s) => (
            <tr key={s.keys}>
              <th scope="row">
                <kbd>{shown(s.keys)}</kbd> {s.also && <kbd>{shown(s.also)}</kbd>}
              </th>
              <td>{s.label}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Modal>
  );
}
