/** save hands a file to the reader, as a download. */
export function save(file: Blob, name: string): void {
  const a = document.createElement('a');
  a.href = URL.createObjectURL(file);
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 60_000); // the browser may ask where to put it first
}

/** saveBytes hands bytes to the reader as a file. */
export const saveBytes = (data: Uint8Array, name: string): void => save(new Blob([data as BlobPart]), name);
