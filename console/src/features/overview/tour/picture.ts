// A picture made in the browser: a kingfisher over the water.

function draw(c: CanvasRenderingContext2D, w: number, h: number) {
  const gradient = (y0: number, y1: number, ...stops: string[]) => {
    const g = c.createLinearGradient(0, y0, 0, y1);
    stops.forEach((s, i) => g.addColorStop(i / (stops.length - 1), s));
    return g;
  };
  const shape = (fill: string | CanvasGradient, path: () => void) => {
    c.fillStyle = fill;
    c.beginPath();
    path();
    c.fill();
  };
  shape(gradient(0, h * 0.7, '#8fd3f4', '#fdf1d6'), () => c.rect(0, 0, w, h));
  shape('#fff3b8', () => c.arc(w * 0.8, h * 0.22, h * 0.1, 0, 7));
  shape('#7fb59a', () => {
    c.moveTo(0, h * 0.62);
    c.bezierCurveTo(w * 0.25, h * 0.45, w * 0.4, h * 0.6, w * 0.62, h * 0.55);
    c.bezierCurveTo(w * 0.8, h * 0.5, w * 0.9, h * 0.6, w, h * 0.53);
    c.lineTo(w, h);
    c.lineTo(0, h);
  });
  shape(gradient(h * 0.68, h, '#3f9fbf', '#0b5c80'), () => c.rect(0, h * 0.68, w, h));
  c.strokeStyle = 'rgba(255,255,255,.45)';
  c.lineWidth = h * 0.008;
  for (let i = 0; i < 9; i++) {
    c.beginPath();
    const x = ((i * 137) % 100) / 100;
    c.moveTo(w * x * 0.9, h * (0.72 + i * 0.03));
    c.lineTo(w * (x * 0.9 + 0.12), h * (0.72 + i * 0.03));
    c.stroke();
  }
  c.strokeStyle = '#5a3b22';
  c.lineWidth = h * 0.03;
  c.lineCap = 'round';
  c.beginPath();
  c.moveTo(w * 0.08, h * 0.76);
  c.quadraticCurveTo(w * 0.4, h * 0.66, w * 0.72, h * 0.72);
  c.stroke();
  c.save();
  c.translate(w * 0.42, h * 0.46);
  c.scale(h / 400, h / 400);
  shape('#0a5fa8', () => { c.moveTo(-44, 66); c.lineTo(-86, 132); c.lineTo(-58, 136); c.lineTo(-16, 84); }); // tail
  shape('#f08a24', () => c.ellipse(0, 32, 52, 72, 0.35, 0, 7)); // breast
  shape('#0f75c9', () => c.ellipse(-26, 28, 36, 76, 0.5, 0, 7)); // wing
  shape('#0a5fa8', () => c.ellipse(-36, 48, 20, 56, 0.55, 0, 7));
  shape('#0f75c9', () => c.ellipse(18, -50, 46, 40, -0.15, 0, 7)); // head
  shape('#f08a24', () => c.ellipse(32, -40, 22, 13, 0.2, 0, 7));
  shape('#ffffff', () => c.ellipse(0, -28, 15, 11, 0.5, 0, 7));
  shape('#20252b', () => { c.moveTo(54, -64); c.lineTo(144, -44); c.lineTo(56, -38); }); // bill
  shape('#10151a', () => c.arc(32, -60, 8, 0, 7));
  shape('#ffffff', () => c.arc(35, -63, 2.6, 0, 7));
  shape('#c8491a', () => { c.ellipse(6, 104, 16, 6, 0, 0, 7); });
  c.restore();
}

/** samplePicture is a PNG of 640 by 400. */
export async function samplePicture(): Promise<Blob> {
  const canvas = document.createElement('canvas');
  canvas.width = 640;
  canvas.height = 400;
  draw(canvas.getContext('2d')!, canvas.width, canvas.height);
  return new Promise((resolve, reject) => canvas.toBlob((b) => (b ? resolve(b) : reject(new Error('The browser made no picture.'))), 'image/png'));
}
