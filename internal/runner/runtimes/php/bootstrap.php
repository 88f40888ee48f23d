<?php
// The PHP side of an instance. It speaks the protocol of package frames on file
// descriptor 3, loads the function's code when it is assigned, and runs its handler.
//
// The loop below runs in the global scope, because the function's file is required
// there: its top-level variables are then globals, as its author expects.

final class AlcedoLoadError extends Exception
{
}

/** What $GLOBALS['fcLogger'] is. */
final class AlcedoLogger
{
    public function __call($level, $args)
    {
        $level = strtoupper($level);
        $level = ['LOG' => 'INFO', 'WARNING' => 'WARN', 'ADDINFO' => 'INFO', 'ADDERROR' => 'ERROR'][$level] ?? $level;
        $text = $args[0] ?? '';
        if (!is_scalar($text)) {
            $text = json_encode($text, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
        }
        if (!empty($args[1])) {
            $text .= ' ' . json_encode($args[1], JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
        }
        $now = microtime(true);
        $ms = sprintf('%03d', (int) (($now - floor($now)) * 1000));
        echo gmdate('Y-m-d\TH:i:s', (int) $now) . ".{$ms}Z " . Alcedo::$requestId . " [{$level}] {$text}\n";
    }
}

final class Alcedo
{
    const OK = 0, UNHANDLED = 1, FATAL = 3;

    public static $config = [];
    public static $requestId = '';
    public static $call = null;    // the call that runs now, as 4 bytes
    public static $waiting = null; // 'L' or 'D': what a load or a hook is answered with
    private static $sock;
    private static $buffer = '';
    private static $shown = ['', '', ''];

    public static function start()
    {
        self::$sock = fopen('php://fd/3', 'r+');
        stream_set_read_buffer(self::$sock, 0);
        stream_set_write_buffer(self::$sock, 0);
        stream_set_chunk_size(self::$sock, 65536);
        $GLOBALS['fcLogger'] = new AlcedoLogger();
        register_shutdown_function([self::class, 'shutdown']);
        self::send('B', '');
    }

    public static function send($type, $body)
    {
        $data = pack('N', 1 + strlen($body)) . $type . $body;
        for ($at = 0, $n = strlen($data); $at < $n; $at += $w) {
            $w = fwrite(self::$sock, $at === 0 ? $data : substr($data, $at));
            if ($w === false || $w === 0) {
                exit(1);
            }
        }
    }

    /** Returns the next frame, its type byte first. */
    public static function receive()
    {
        $parts = [self::$buffer];
        $have = strlen(self::$buffer);
        $need = null;
        while (true) {
            if ($need === null && $have >= 4) {
                $parts = [implode('', $parts)];
                $need = 4 + unpack('N', $parts[0])[1];
            }
            if ($need !== null && $have >= $need) {
                $all = implode('', $parts);
                self::$buffer = $have === $need ? '' : substr($all, $need);
                return substr($all, 4, $need - 4);
            }
            $chunk = fread(self::$sock, 65536);
            if ($chunk === '' || $chunk === false) {
                exit(1); // the server is gone
            }
            $parts[] = $chunk;
            $have += strlen($chunk);
        }
    }

    public static function head($frame, &$at)
    {
        $fields = [];
        for ($i = 0; $i < 5; $i++) {
            $n = unpack('n', $frame, $at)[1];
            $fields[] = substr($frame, $at + 2, $n);
            $at += 2 + $n;
        }
        self::$requestId = $fields[0];
        foreach (['ALIBABA_CLOUD_ACCESS_KEY_ID', 'ALIBABA_CLOUD_ACCESS_KEY_SECRET', 'ALIBABA_CLOUD_SECURITY_TOKEN'] as $i => $name) {
            $v = $fields[$i + 1];
            if (self::$shown[$i] !== $v) {
                self::$shown[$i] = $v;
                self::env($name, $v);
            }
        }
        return $fields;
    }

    public static function env($name, $v)
    {
        if ($v === '') {
            putenv($name);
            unset($_ENV[$name], $_SERVER[$name]);
            return;
        }
        putenv("$name=$v");
        $_ENV[$name] = $_SERVER[$name] = $v;
    }

    public static function context($f)
    {
        $c = self::$config;
        return [
            'requestId' => $f[0],
            'credentials' => ['accessKeyId' => $f[1], 'accessKeySecret' => $f[2], 'securityToken' => $f[3]],
            'function' => $c['function'],
            'service' => $c['service'],
            'region' => $c['region'],
            'accountId' => $c['accountId'],
            'retryCount' => (int) $f[4],
            'tracing' => ['openTracingSpanContext' => '', 'jaegerEndpoint' => '', 'openTracingSpanBaggages' => []],
        ];
    }

    public static function json($v)
    {
        return json_encode($v, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE);
    }

    public static function payload($message, $type, $file, $line, $trace = '')
    {
        return self::json(['errorMessage' => $message, 'errorType' => $type,
            'stackTrace' => ['file' => $file, 'line' => $line, 'traceString' => $trace]]);
    }

    public static function error(Throwable $e)
    {
        $message = $e->getMessage();
        if ($e instanceof ParseError) {
            $message = self::diagnose($message, $e->getFile(), $e->getLine());
        }
        // The frames of this file say nothing to the author of the function.
        $trace = array_filter(explode("\n", $e->getTraceAsString()), function ($l) {
            return strpos($l, __FILE__) === false && strpos($l, '{main}') === false;
        });
        return self::payload($message, get_class($e), $e->getFile(), $e->getLine(), implode("\n", $trace));
    }

    /** Code written for PHP 7 is common in the cloud's own samples: say what to change. */
    public static function diagnose($message, $file, $line)
    {
        $text = @file($file)[$line - 1] ?? '';
        if (PHP_VERSION_ID >= 80000 && preg_match('/[\w\])]\s*\{\s*[-\w$\'"]+\s*\}/', $text, $m)) {
            $message .= sprintf(' in %s on line %d: PHP 8 removed the curly-brace offset "%s"; write %s', $file, $line, trim($m[0]),
                preg_replace('/\{\s*(.*?)\s*\}/', '[$1]', trim($m[0])));
        }
        return $message;
    }

    public static function split($spec)
    {
        $dot = strrpos($spec, '.');
        if ($dot === false || $dot === 0 || $dot === strlen($spec) - 1) {
            throw new AlcedoLoadError("Handler '$spec' is not of the form file.function, for example index.handler");
        }
        return [substr($spec, 0, $dot), substr($spec, $dot + 1)];
    }

    public static function file()
    {
        list($name) = self::split(self::$config['handler']);
        $file = self::$config['code'] . "/$name.php";
        if (!is_file($file)) {
            throw new AlcedoLoadError("Cannot find module '$file'. The handler '" . self::$config['handler'] . "' means the file $name.php at the root of the code package; "
                . 'check the handler, and that the zip holds the file itself and not a directory around it.');
        }
        return $file;
    }

    public static function find($spec)
    {
        list($name, $fn) = self::split($spec);
        if (!function_exists($fn)) {
            throw new AlcedoLoadError("Handler '$fn' missing on module '$name'. Define it: function $fn(\$event, \$context) {…}");
        }
        return $fn;
    }

    public static function loadFailed(Throwable $e)
    {
        self::$waiting = null;
        $p = $e instanceof AlcedoLoadError ? self::payload($e->getMessage(), 'Error', '', 0) : self::error($e);
        self::send('L', chr(self::UNHANDLED) . $p);
    }

    public static function hook($frame)
    {
        $at = 2;
        $fields = self::head($frame, $at);
        $status = self::OK;
        $p = '';
        self::$waiting = 'D';
        try {
            self::find(self::$config[ord($frame[1]) ? 'preStop' : 'initializer'])(self::context($fields));
        } catch (Throwable $e) {
            $status = self::UNHANDLED;
            $p = self::error($e);
        }
        self::$waiting = null;
        self::flush();
        self::send('D', chr($status) . $p);
    }

    public static function invoke($frame, $handler)
    {
        self::$call = substr($frame, 1, 4);
        $at = 5;
        $fields = self::head($frame, $at);
        $status = self::OK;
        try {
            $p = $handler(substr($frame, $at), self::context($fields));
            if (!is_string($p)) {
                if (is_object($p) && method_exists($p, '__toString')) {
                    $p = (string) $p;
                } else {
                    $p = json_encode($p, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR);
                }
            }
            $limit = self::$config['maxPayload'];
            if (strlen($p) > $limit) {
                $status = self::UNHANDLED;
                $p = self::payload('The result has ' . strlen($p) . " bytes, more than the $limit that a response may have. Write it to OSS and return its name.", 'EntityTooLarge', '', 0);
            }
        } catch (Throwable $e) {
            $status = self::UNHANDLED;
            $p = self::error($e);
        }
        self::flush();
        $call = self::$call;
        self::$call = null;
        self::send('R', $call . chr($status) . $p);
    }

    /** Output buffers that the handler opened and did not close are still its output. */
    public static function flush()
    {
        while (ob_get_level() > 0 && @ob_end_flush()) {
        }
        flush();
    }

    public static function shutdown()
    {
        $e = error_get_last();
        if ($e === null || !($e['type'] & (E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR | E_RECOVERABLE_ERROR))) {
            return; // exit() in user code: the server sees that the process ended
        }
        $p = self::payload(self::diagnose($e['message'], $e['file'], $e['line']), 'FatalError', $e['file'], $e['line']);
        self::flush();
        if (self::$call !== null) {
            self::send('R', self::$call . chr(self::FATAL) . $p);
        } elseif (self::$waiting !== null) {
            self::send(self::$waiting, chr(self::FATAL) . $p);
        }
    }
}

Alcedo::start();
while (true) {
    $__alcedo = Alcedo::receive();
    switch ($__alcedo[0]) {
        case 'V':
            Alcedo::invoke($__alcedo, $__alcedo_handler);
            break;
        case 'H':
            Alcedo::hook($__alcedo);
            break;
        case 'A':
            Alcedo::$config = json_decode(substr($__alcedo, 1), true);
            foreach (Alcedo::$config['env'] as $__alcedo_k => $__alcedo_v) {
                Alcedo::env($__alcedo_k, $__alcedo_v);
            }
            unset($__alcedo_k, $__alcedo_v);
            Alcedo::$waiting = 'L';
            try {
                chdir(Alcedo::$config['code']);
                foreach (Alcedo::$config['modules'] as $__alcedo) {
                    if (is_file($__alcedo)) {
                        require_once $__alcedo;
                        break;
                    }
                }
                require_once Alcedo::file();
                $__alcedo_handler = Alcedo::find(Alcedo::$config['handler']);
            } catch (Throwable $__alcedo) {
                Alcedo::flush();
                Alcedo::loadFailed($__alcedo);
                break;
            }
            Alcedo::$waiting = null;
            Alcedo::flush();
            Alcedo::send('L', chr(Alcedo::OK));
    }
    $__alcedo = null;
}
