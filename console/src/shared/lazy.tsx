// Parts of the console that are loaded when they are needed. The server may be away just
// then: nothing on the page is lost for it, the part comes when the server is back.
import { startTransition, use, useCallback, useEffect, useReducer, useRef, type ComponentProps, type ComponentType } from 'react';
import { useTranslation } from 'react-i18next';
import { Refusal } from './api';
import { attempt, styled } from './load';
import { useLost } from './reach';
import { Problem, Reload } from './ui';

/**
 * lazy is React's, but for what happens when the part does not come: in its place stands
 * why, and it is asked for again when the server is back.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- as React's own has it
export function lazy<T extends ComponentType<any>>(load: () => Promise<{ default: T }>): ComponentType<ComponentProps<T>> {
  let answer: ReturnType<typeof attempt<{ default: T }>> | undefined;
  return function Lazy(props: ComponentProps<T>) {
    const [, draw] = useReducer((n: number) => n + 1, 0);
    const retry = useCallback(() => {
      answer = styled().then(() => attempt(load));
      startTransition(draw); // until it is there, what stands here stays
    }, []);
    const a = use((answer ??= attempt(load)));
    if ('got' in a) return <a.got.default {...props} />;
    return <Missing away={a.away} retry={retry} />;
  };
}

function Missing({ away, retry }: { away: boolean; retry: () => void }) {
  const { t } = useTranslation();
  const lost = useLost();
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    place.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  useEffect(() => {
    if (away && lost === null) retry();
  }, [away, lost, retry]);
  return (
    <div ref={place} className="missing">
      {away ? <Problem error={new Refusal(0, 'Unreachable', '')} retry={retry} /> : <Problem error={new Refusal(-1, t('problem.part'), t('problem.partWhy'))} retry={retry} next={<Reload />} />}
    </div>
  );
}
