import { createContext } from 'react';

/** InRow tells what stands in a row of Rows whether it is the one that the Tab key leads into; undefined anywhere else. */
export const InRow = createContext<boolean | undefined>(undefined);
