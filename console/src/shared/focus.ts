// Where the focus goes when a dialog opens and when it closes. antd brings it back to what
// opened a dialog only from those that stay in the document; the console's leave it. And
// where nothing moves, it puts the focus on the cross, whatever the dialog asks for.
//
// Dialogs are children of the body that come and go, so one observer of its children is enough.

const dialog = '.ant-modal, .ant-drawer';
const passing = '.ant-dropdown, .ant-popover, .ant-select-dropdown'; // closed by what they led to

const trail: HTMLElement[] = []; // what had the focus, the latest last
const openers = new Map<Node, HTMLElement[]>();

/** remember puts what has the focus now at the end of the trail. */
function remember(target: EventTarget | null) {
  const on = target instanceof Element ? target.closest<HTMLElement>('button, a[href], input, select, textarea, [tabindex], [contenteditable]') : null;
  if (!on || on === trail.at(-1) || on.id === 'main') return;
  trail.push(on);
  if (trail.length > 12) trail.shift();
}

/** back is what of a trail the focus goes back to: what opened a dialog, or what opened the menu that did; undefined if it is gone. */
function back(of: HTMLElement[]): HTMLElement | undefined {
  const seen = of.filter((e) => !e.closest(passing) && (e.isConnected || !e.matches('[role^="menuitem"], .ant-popover *')));
  const last = seen.at(-1);
  return last?.isConnected && last.getClientRects().length > 0 ? last : undefined;
}

document.addEventListener('focusin', (e) => remember(e.target));
document.addEventListener('pointerdown', (e) => remember(e.target), { capture: true }); // Safari gives a clicked button no focus

new MutationObserver((changes) => {
  for (const { addedNodes, removedNodes } of changes) {
    for (const node of addedNodes) {
      if (!(node instanceof HTMLElement) || !node.querySelector(dialog)) continue;
      openers.set(node, trail.filter((e) => !node.contains(e)));
      const now = document.activeElement;
      if (now?.matches('.ant-modal-close') && node.contains(now)) node.querySelector<HTMLElement>('.ant-modal-body :is(input[type="text"], textarea):not(:disabled)')?.focus();
    }
    for (const node of removedNodes) {
      const of = openers.get(node);
      if (!of) continue;
      openers.delete(node);
      if (document.activeElement && document.activeElement !== document.body) continue; // it went somewhere already
      (back(of) ?? document.getElementById('main'))?.focus({ preventScroll: true });
    }
  }
}).observe(document.body, { childList: true });
