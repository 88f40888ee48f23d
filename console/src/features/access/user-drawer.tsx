import { useQuery } from '@tanstack/react-query';
import { Alert } from 'antd';
import { useTranslation } from 'react-i18next';
import type { User } from '../../api/gen';
import { useSession } from '../../app/session';
import { messageOf } from '../../shared/api';
import { useMay, useResources } from '../../shared/may';
import { access, keys, userKeys, userOne } from './api';
import { useEditing } from './editing';
import { Deletion, Frame } from './frame';
import { Keys } from './keys';
import type { Parts } from './merge';
import { draftOf, PoliciesField, policiesOf, policyProblems } from './policies-field';
import { refusedPolicy } from './said';
import { Saving } from './saving';

const draftOfUser = (u: User): Parts => ({ policies: draftOf(u.policies) });

/** UserDrawer is one user: its policies and its access keys. */
export default function UserDrawer({ name, close }: { name: string; close: () => void }) {
  const q = useQuery(userOne(name));
  const of = useResources();
  return (
    <Frame kind="user" name={name} resource={of.user(name)} q={q} close={close} deletion={(user, end) => <DeleteUser user={user} close={end} done={close} />}>
      {(user) => <Inside name={name} user={user} />}
    </Frame>
  );
}

/** name is as the URL spells it */
function Inside({ name, user }: { name: string; user: User }) {
  const { t } = useTranslation('access');
  const of = useResources();
  const may = useMay('ram:UpdateUser', of.user(user.name));
  const e = useEditing(user, {
    key: 'user:' + user.name,
    draftOf: draftOfUser,
    wrong: (d) => policyProblems(d.policies).some(Boolean),
    update: (d, revision) => access.updateUser(user.name, { policies: policiesOf(d.policies) }, revision),
    one: userOne(name).queryKey,
    all: keys.users,
  });
  const { policies } = e.draft.value;
  const at = e.refused && refusedPolicy(e.refused.message, policies, messageOf(e.refused));
  return (
    <>
      <h2>{t('policies')}</h2>
      <PoliciesField id={'user-' + user.name} list={policies} change={(list) => e.draft.change({ policies: list })} readOnly={!may.allowed} tried={e.tried} refused={at ?? undefined} />
      {!may.allowed && <p className="dim">{may.reason}</p>}
      <Saving e={e} thing={user} refused={at ? null : e.refused} />
      <h2>{t('keys')}</h2>
      <Keys user={user.name} />
    </>
  );
}

function DeleteUser({ user, close, done }: { user: User; close: () => void; done: () => void }) {
  const { t } = useTranslation('access');
  const { session } = useSession();
  const of = useResources();
  const mayList = useMay('ram:ListAccessKeys', of.user(user.name));
  const list = useQuery(userKeys(user.name, mayList.allowed));
  const own = session.kind === 'RAMUser' && session.name?.toLowerCase() === user.name.toLowerCase();
  return (
    <Deletion title={t('deleteUser', { name: user.name })} remove={() => access.deleteUser(user.name)} stale={keys.users} close={close} done={done}>
      {own && <Alert type="warning" showIcon className="gap-below" title={t('deleteSelf')} />}
      <p>{t('deleteUserWhy')}</p>
      {list.data && list.data.length > 0 && (
        <>
          <p>{t('deleteUserKeys', { count: list.data.length })}</p>
          <ul className="mono">
            {list.data.map((k) => (
              <li key={k.accessKeyId}>{k.accessKeyId}</li>
            ))}
          </ul>
        </>
      )}
    </Deletion>
  );
}
