interface Waiting<K, V> {
  key: K;
  resolve: (v: V) => void;
  reject: (err: unknown) => void;
}

/** together makes one request, of at most this many, of what is asked within some milliseconds; send answers in the order of the keys. */
export function together<K, V>(most: number, send: (keys: K[]) => Promise<V[]>, within = 0): (key: K) => Promise<V> {
  let waiting: Waiting<K, V>[] = [];
  const go = () => {
    const all = waiting;
    waiting = [];
    for (let i = 0; i < all.length; i += most) {
      const some = all.slice(i, i + most);
      send(some.map((w) => w.key)).then(
        (answers) => some.forEach((w, n) => w.resolve(answers[n]!)),
        (err: unknown) => some.forEach((w) => w.reject(err)),
      );
    }
  };
  return (key) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setTimeout(go, within);
      waiting.push({ key, resolve, reject });
    });
}
