<?php

// OSS through the official PHP SDK. The server's addresses and keys come from the
// environment; every test prints one line of TAP, for e2e/run.js.

require getenv('ALCEDO_E2E_PHP_AUTOLOAD');

use OSS\Core\OssException;
use OSS\OssClient;

// The SDK predates PHP 8.2 and sets properties that it does not declare.
error_reporting(E_ALL & ~E_DEPRECATED);
set_error_handler(function ($level, $message, $file, $line) {
    if (error_reporting() & $level) {
        throw new ErrorException($message, 0, $level, $file, $line);
    }
    return true;
});

function check($ok, string $what): void
{
    if (!$ok) {
        throw new Exception($what);
    }
}

function same($got, $want, string $what = 'value'): void
{
    check($got === $want, "$what: got " . var_export($got, true) . ', want ' . var_export($want, true));
}

function fails(string $code, int $status, callable $call): void
{
    try {
        $call();
    } catch (OssException $e) {
        same($e->getErrorCode(), $code, 'code');
        same((int) $e->getHTTPStatus(), $status, 'status');
        return;
    }
    throw new Exception("no $code");
}

$endpoint = 'http://127.0.0.1:' . getenv('ALCEDO_E2E_OSS_PORT');
$picture = file_get_contents(getenv('ALCEDO_E2E_ROOT') . '/examples/kingfisher.png');

$tests = [];
foreach (['v1' => OssClient::OSS_SIGNATURE_VERSION_V1, 'v4' => OssClient::OSS_SIGNATURE_VERSION_V4] as $name => $version) {
    $bucket = "php-$name";
    $client = new OssClient([
        'provider' => new OSS\Credentials\StaticCredentialsProvider(getenv('ALCEDO_ACCESS_KEY_ID'), getenv('ALCEDO_ACCESS_KEY_SECRET')),
        'endpoint' => $endpoint,
        'signatureVersion' => $version,
        'region' => getenv('ALCEDO_E2E_REGION'),
        'forcePathStyle' => true,
    ]);
    $tests["$name: bucket"] = function () use ($client, $bucket) {
        $client->createBucket($bucket);
        check($client->doesBucketExist($bucket), 'the bucket is not there');
    };
    $tests["$name: put, get, copy, delete"] = function () use ($client, $bucket) {
        $data = random_bytes(70000);
        $client->putObject($bucket, 'a b/ü+&', $data);
        check($client->getObject($bucket, 'a b/ü+&') === $data, 'other bytes came back');
        $client->copyObject($bucket, 'a b/ü+&', $bucket, 'copy');
        check($client->getObject($bucket, 'copy') === $data, 'the copy differs');
        $client->deleteObjects($bucket, ['copy', 'a b/ü+&']);
        fails('NoSuchKey', 404, fn () => $client->getObject($bucket, 'copy'));
    };
    $tests["$name: append, symlink"] = function () use ($client, $bucket) {
        same((int) $client->appendObject($bucket, 'log', 'ab', 0), 2, 'position');
        $client->appendObject($bucket, 'log', 'cd', 2);
        $client->putSymlink($bucket, 'link', 'log');
        same($client->getObject($bucket, 'link'), 'abcd');
    };
    $tests["$name: parts"] = function () use ($client, $bucket) {
        $file = tempnam(sys_get_temp_dir(), 'alcedo');
        file_put_contents($file, $data = random_bytes(350 * 1024));
        $client->multiuploadFile($bucket, 'parts', $file, [OssClient::OSS_PART_SIZE => 100 * 1024]);
        unlink($file);
        check($client->getObject($bucket, 'parts') === $data, 'other bytes came back');
    };
    $tests["$name: list"] = function () use ($client, $bucket) {
        foreach (['1', '2', '3'] as $n) {
            $client->putObject($bucket, "l/$n", 'x');
        }
        $keys = array_map(fn ($o) => $o->getKey(), $client->listObjects($bucket, ['prefix' => 'l/'])->getObjectList());
        same($keys, ['l/1', 'l/2', 'l/3'], 'keys');
    };
    $tests["$name: signed address"] = function () use ($client, $bucket) {
        $client->putObject($bucket, 'signed', 'by address');
        same(file_get_contents($client->signUrl($bucket, 'signed', 60)), 'by address');
    };
    $tests["$name: process"] = function () use ($client, $bucket, $picture) {
        $client->putObject($bucket, 'pic.png', $picture);
        $to = rtrim(strtr(base64_encode('out.png'), '+/', '-_'), '=');
        $answer = json_decode($client->processObject($bucket, 'pic.png', "image/resize,m_fixed,w_128,h_128|sys/saveas,o_$to"), true);
        same($answer['status'], 'OK', 'status');
        same(array_slice(unpack('N2', substr($client->getObject($bucket, 'out.png'), 16, 8)), 0), [128, 128], 'size');
    };
}

$failed = 0;
foreach ($tests as $name => $test) {
    try {
        $test();
        echo "ok - $name\n";
    } catch (Throwable $e) {
        $failed++;
        echo "not ok - $name\n  " . str_replace("\n", "\n  ", get_class($e) . ': ' . $e->getMessage() . "\n" . $e->getTraceAsString()) . "\n";
    }
}
exit($failed ? 1 : 0);
