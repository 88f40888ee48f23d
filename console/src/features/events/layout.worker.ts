import type { Trace } from '../../api/gen';
import { placed } from './layout';

onmessage = (e: MessageEvent<Trace>) => postMessage(placed(e.data));
