// Hints for what stands on a page a hundred times, where a component each would be too
// many: whatever has data-hint shows that text while it is pointed at or focused, until
// Escape. A list's row that is focused shows the hint of the time that stands in it. One
// pair of listeners and one element serve the whole document.

let bubble: HTMLElement | undefined;
let target: HTMLElement | undefined;
let described: HTMLElement | undefined;

function hide() {
  if (!target) return;
  described?.removeAttribute('aria-describedby');
  target = described = undefined;
  bubble!.hidden = true;
}

function show(at: HTMLElement, of = at) {
  if (at === target) return;
  hide();
  if (!at.dataset.hint) return;
  if (!bubble) {
    bubble = document.createElement('div');
    bubble.className = 'hint';
    bubble.id = 'hint';
    bubble.setAttribute('role', 'tooltip');
    document.body.append(bubble);
  }
  target = at;
  described = of;
  of.setAttribute('aria-describedby', bubble.id);
  bubble.textContent = at.dataset.hint;
  bubble.hidden = false;
  const box = at.getBoundingClientRect();
  const own = bubble.getBoundingClientRect();
  const left = Math.min(Math.max(4, box.left + box.width / 2 - own.width / 2), innerWidth - own.width - 4);
  const above = box.top - own.height - 6;
  bubble.style.left = `${left}px`;
  bubble.style.top = `${above >= 4 ? above : box.bottom + 6}px`;
}

const hinted = (e: Event) => (e.target instanceof Element ? e.target.closest<HTMLElement>('[data-hint]') : null);

document.addEventListener('pointerover', (e) => {
  if (e.pointerType === 'touch') return;
  const at = hinted(e);
  if (at) show(at);
  else if (target && described !== document.activeElement) hide();
});
document.addEventListener('focusin', (e) => {
  const on = e.target as HTMLElement;
  const at = hinted(e) ?? (on.matches('.row-line') ? on.querySelector<HTMLElement>('time[data-hint]') : null);
  if (at && on.matches(':focus-visible')) show(at, on);
  else hide();
});
document.addEventListener('focusout', hide);
document.addEventListener('scroll', hide, { capture: true, passive: true });
document.addEventListener('keydown', (e) => {
  if (e.key === 'Escape') hide();
}, { capture: true });
