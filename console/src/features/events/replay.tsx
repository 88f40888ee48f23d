import { CaretRightOutlined } from '@ant-design/icons';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import type { EventDetail, Job, JobInput } from '../../api/gen';
import { api, messageOf, type Refusal } from '../../shared/api';
import { MayButton, useResources } from '../../shared/may';
import { around } from '../../shared/span';
import { keys } from './api';

/** Replay runs an event again for one trigger. */
export function Replay({ e, function: name, trigger }: { e: EventDetail; function: string; trigger: string }) {
  const { t } = useTranslation('events');
  const client = useQueryClient();
  const replay = useMutation<Job, Refusal>({
    mutationFn: () => {
      const order: JobInput = { kind: 'replay', function: name, trigger, prefix: e.key, ...around(e.time) };
      return api.post<Job>('/jobs', order);
    },
    onSuccess: () => {
      for (const ms of [600, 1500, 3000, 6000, 12_000]) {
        setTimeout(() => {
          void client.invalidateQueries({ queryKey: keys.one(e.id) });
          void client.invalidateQueries({ queryKey: keys.traces });
        }, ms);
      }
    },
  });
  const { fn } = useResources();
  return (
    <>
      <MayButton
        action="fc:InvokeFunction" resource={fn(name)} size="small" icon={<CaretRightOutlined />} title={t('replayHint')}
        loading={replay.isPending} onClick={() => replay.mutate()}
      >
        {t('replay')}
      </MayButton>
      {replay.isSuccess && (
        <Link to="/jobs" search={{ job: replay.data.id }} role="status">
          {t('replayBegun')}
        </Link>
      )}
      {replay.error && (
        <span className="log-error" role="alert">
          {messageOf(replay.error)}
        </span>
      )}
    </>
  );
}
