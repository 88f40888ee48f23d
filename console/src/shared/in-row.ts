import { createContext, useContext } from 'react';

/** InRow tells what stands in a row of Rows whether it is the one that the Tab key leads into; undefined anywhere else. */
export const InRow = createContext<boolean | undefined>(undefined);

/** useRowStop is the tabIndex of what stands in a row and can have the focus. */
export const useRowStop = (): -1 | undefined => (useContext(InRow) === false ? -1 : undefined);
