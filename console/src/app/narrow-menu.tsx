import { Drawer } from 'antd';
import type { ReactNode } from 'react';

/** NarrowMenu is the navigation on a phone. */
export default function NarrowMenu({ close, children }: { close: () => void; children: ReactNode }) {
  return (
    <Drawer open onClose={close} placement="left" size={260} title="Alcedo">
      {children}
    </Drawer>
  );
}
